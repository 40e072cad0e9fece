"""Version 6: an epoch, how far the journal was read and expired, what left the registry, and who erased what."""

import secrets
from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "6"
down_revision: Final = "5"


def upgrade() -> None:
    """Add columns and tables; the journal's bytes are counted once."""
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    key = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    _add("schema_version", sa.Column("epoch", key, nullable=False, server_default=secrets.token_hex(8)))
    for name in ("journal_bytes", "expired_readings", "cleanup_ns"):
        _add("sequences", sa.Column(name, big, nullable=False, server_default="0"))
    for name in ("since_ns", "until_ns"):
        _add("pack_range", sa.Column(name, big, nullable=False, server_default="0"))
    op.execute("UPDATE sequences SET journal_bytes = (SELECT coalesce(sum(length(payload)), 0) FROM journal)")
    op.create_table(
        "follower",
        sa.Column("follower", key, primary_key=True),
        sa.Column("position", big, nullable=False),
        sa.Column("worker", sa.Boolean, nullable=False),
        sa.Column("at_ns", big, nullable=False),
    )
    op.create_table(
        "restore",
        sa.Column("epoch", key, primary_key=True),
        sa.Column("at_ns", big, nullable=False),
        sa.Column("commit_ns", big, nullable=False),
    )
    op.create_table(
        "removed_device",
        sa.Column("device", key, primary_key=True),
        sa.Column("rev", big, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("removed_device_rev", "removed_device", ["rev"])
    op.create_table(
        "erasure",
        sa.Column("id", big, primary_key=True, autoincrement=False),
        sa.Column("at_ns", big, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("device", key, nullable=False),
        sa.Column("start_ns", big, nullable=False),
        sa.Column("end_ns", big, nullable=False),
        sa.Column("readings", big, nullable=False),
        sa.Column("payloads", big, nullable=False),
        sa.Column("done", sa.Boolean, nullable=False),
    )


def _add(table: str, column: sa.Column[object]) -> None:
    """Add a column that must have a value, and take the default away again, which a new table has not."""
    op.add_column(table, column)
    with op.batch_alter_table(table) as batch:
        batch.alter_column(column.name, server_default=None)
