"""Parts that several builders share."""
