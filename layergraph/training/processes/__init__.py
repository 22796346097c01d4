"""Training in several processes, one per device, which share each mini-batch."""
