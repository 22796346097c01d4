"""Explanations of layer sizes: the arithmetic of every layer from the input on."""
