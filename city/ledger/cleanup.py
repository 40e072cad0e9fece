"""Which worker cleans up, and the hourly counts that are old enough to go."""

from typing import Final

from sqlalchemy import delete, or_, select, tuple_, update

from city.database import Database
from city.database.tables import hourly, sequences

BATCH: Final = 5_000
"""Hourly rows deleted in one transaction."""


def claim(database: Database, now_ns: int, every_ns: int) -> bool:
    """Take the clean-up of this period, unless another worker has it; a clock that was set back claims it too."""
    due = or_(sequences.c.cleanup_ns <= now_ns - every_ns, sequences.c.cleanup_ns > now_ns)
    with database.write() as connection:
        return connection.execute(update(sequences).where(due).values(cleanup_ns=now_ns)).rowcount == 1


def expire_hours(database: Database, before_ns: int) -> int:
    """Delete counts of hours that began before an instant, one batch of them; how many rows."""
    key = tuple(hourly.primary_key.columns)
    old = select(*key).where(hourly.c.hour_ns < before_ns).order_by(*key).limit(BATCH)
    with database.write() as connection:
        return connection.execute(delete(hourly).where(tuple_(*key).in_(old))).rowcount
