"""layergraph: neural networks as graphs of named layers, on PyTorch."""
