"""Published and generated sets of images with pixel labels."""
