"""Where the size of a layer comes from."""
