"""Version 5: rows of the quarantine may stand for many payloads, and what they take is counted by hour and source."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "5"
down_revision: Final = "4"

_BIG: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_KEY: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add three columns, an index, and a table that is filled from the rows that are there."""
    op.add_column("quarantine", sa.Column("payloads", _BIG, nullable=False, server_default="1"))
    op.add_column("quarantine", sa.Column("bytes", _BIG, nullable=False, server_default="0"))
    op.add_column("quarantine", sa.Column("digest", _KEY, nullable=False, server_default=""))
    op.create_index("quarantine_hour", "quarantine", ["hour_ns", "state"])
    op.create_table(
        "quarantine_kept",
        sa.Column("hour_ns", _BIG, primary_key=True, autoincrement=False),
        sa.Column("gateway", _KEY, primary_key=True),
        sa.Column("device", _KEY, primary_key=True),
        sa.Column("bytes", _BIG, nullable=False),
        sqlite_with_rowid=False,
    )
    op.execute("update quarantine set bytes = length(payload)")
    op.execute(
        "insert into quarantine_kept (hour_ns, gateway, device, bytes) select hour_ns, gateway, device, "
        "sum(bytes + length(origin) + length(detail) + 256) from quarantine group by hour_ns, gateway, device"
    )
    op.execute(
        "insert into quarantine_kept (hour_ns, gateway, device, bytes) select hour_ns, '*', '*', "
        "sum(bytes) from quarantine_kept group by hour_ns"
    )
