"""The ledger: what was received, and what became of it."""
