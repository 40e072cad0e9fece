"""Custody: from "it is on our disk" to the receipt that ends it. README.md draws the states of a pack."""
