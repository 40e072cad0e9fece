"""Version 2: `device_kind`, every kind of a device, beginning with its first one."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "2"
down_revision: Final = None


def upgrade() -> None:
    """Make the table."""
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    key = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.create_table(
        "device_kind",
        sa.Column("device", key, primary_key=True),
        sa.Column("kind", key, primary_key=True),
        sa.Column("rev", big, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("device_kind_rev", "device_kind", ["rev"])
    op.execute("INSERT INTO device_kind (device, kind, rev) SELECT device, kind, rev FROM device")
