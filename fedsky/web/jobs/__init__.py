"""Launching runs: the form, the queue in the database, and the worker that runs one job after the other."""
