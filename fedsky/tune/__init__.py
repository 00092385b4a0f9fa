"""``python -m fedsky.tune``: each strategy's best settings, by as many trials for each, on validation images alone."""
