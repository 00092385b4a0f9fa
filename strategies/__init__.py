"""The shelf of strategies: one algorithm, one file."""
