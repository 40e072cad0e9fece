"""The HTTP room: what the store, the ledger and the registry hold, as a JSON API and the console."""
