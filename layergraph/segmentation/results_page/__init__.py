"""The page of an evaluation: one HTML file that loads nothing."""
