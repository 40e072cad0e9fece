"""The transactional database that ledger and registry share: its engine and its tables."""

from city.database.database import Database, renew_epoch

__all__ = ["Database", "renew_epoch"]
