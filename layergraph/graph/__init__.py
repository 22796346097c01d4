"""The layer graph: its tables and edits, size inference, and the file format."""
