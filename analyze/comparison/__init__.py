"""Two networks compared: what an edit changed."""
