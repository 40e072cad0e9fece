"""Version 3: tables and columns get the names that the code and the wire have."""

from typing import Final

from alembic import op

revision: Final = "3"
down_revision: Final = "2"

_TABLES: Final = {"head": "sequences", "tally": "flush_counts"}
_COLUMNS: Final = {
    "sequences": {"suspect": "quarantine", "folded": "compacted", "folded_ns": "compacted_ns"},
    "pack_range": {"boot": "spool", "before_first": "first_offset", "through_last": "end_offset"},
    "gateway": {"boot": "spool"},
}


def upgrade() -> None:
    """Rename two tables, then columns of three."""
    for old, new in _TABLES.items():
        op.rename_table(old, new)
    for table, names in _COLUMNS.items():
        with op.batch_alter_table(table) as batch:
            for old, new in names.items():
                batch.alter_column(old, new_column_name=new)
