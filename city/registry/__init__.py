"""The registry: which devices there are, where they belong, and whose they are."""
