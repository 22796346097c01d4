"""Images larger than memory, cut into tiles."""
