"""The validation of a network while it trains."""
