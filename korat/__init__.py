"""The command line and the one-process embedded mode."""
