"""An analysis as a table: on a terminal, and in every other format."""
