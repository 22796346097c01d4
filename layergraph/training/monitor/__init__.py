"""What shows a training while it runs: the log, the progress bar, files and the page."""
