"""What the command lines share: the Hydra shell and its exit codes, a sweep's folder, the installed command."""
