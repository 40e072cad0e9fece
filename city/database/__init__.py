"""The transactional database that ledger and registry share: its engine and its tables."""
