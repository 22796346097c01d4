"""How weights change: solvers, learning rates and gradient thresholds."""
