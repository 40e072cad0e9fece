"""Version 4: merged readings have a count of their own; until then they were among the stored."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "4"
down_revision: Final = "3"


def upgrade() -> None:
    """Count none for the hours before; counts that aren't hourly rows yet lack the column, which reads as 0."""
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("hourly", sa.Column("merged", big, nullable=False, server_default="0"))
