"""The documentation, and the programs that write what in it can be read from the code, conf/ and the reference runs."""
