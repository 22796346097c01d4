"""The compiled network: a torch module that runs a layer graph."""
