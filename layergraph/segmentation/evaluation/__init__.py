"""Metrics of predicted label images."""
