"""HTTP over store, ledger and registry."""
