"""What a ledger that was put back to an earlier state needs: an epoch of its own, and the memory of it."""

from sqlalchemy import delete, insert, select, update

from city.database import Database
from city.database.schema import new_epoch
from city.database.tables import follower, journal, restore, schema_version, sequences
from city.ledger.retention import Restore


def renew_epoch(database: Database, now_ns: int) -> str:
    """Begin a new epoch; those who followed the journal in the one before begin anew. Gives its name."""
    epoch = new_epoch()
    last = select(journal.c.at_ns).order_by(journal.c.id.desc()).limit(1)
    with database.write() as connection:
        compacted_ns: int = connection.execute(select(sequences.c.compacted_ns)).scalar_one()
        commit_ns = max(compacted_ns, connection.execute(last).scalar() or 0)
        connection.execute(update(schema_version).values(epoch=epoch))
        connection.execute(insert(restore), {"epoch": epoch, "at_ns": now_ns, "commit_ns": commit_ns})
        connection.execute(delete(follower))
    return epoch


def restores(database: Database) -> list[Restore]:
    """When the database was put back, the first time first."""
    with database.read() as connection:
        return [Restore(*row) for row in connection.execute(select(restore).order_by(restore.c.at_ns))]
