"""The decoders of image files: each makes an array of one file, with its axes."""
