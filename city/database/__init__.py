"""The transactional database that ledger and registry share: its engine and its tables."""

from city.database.database import Database

__all__ = ["Database"]
