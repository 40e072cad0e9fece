"""From the broker through checks into store and ledger, and a receipt back."""
