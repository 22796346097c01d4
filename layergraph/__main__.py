"""``python -m layergraph`` is the command ``layergraph``."""

from layergraph.cli import main

main()
