"""How tables of an earlier version become those of today: Alembic revisions whose ids are the versions.

A new database is made of `city.database.tables`. A change there is one more file in `versions/`: its `revision` is the
next `VERSION`, and its `upgrade` does the same to an old database. `schema_version`, by which every program refuses
tables that it doesn't know, is the only record of the version; Alembic keeps none beside it.
"""

from pathlib import Path

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection


def migrate(connection: Connection, version: int) -> None:
    """Run the revisions after `version`, in order, in the caller's transaction."""
    revisions = list(ScriptDirectory(str(Path(__file__).parent)).walk_revisions())
    with Operations.context(MigrationContext.configure(connection)):
        for revision in reversed(revisions):
            if int(revision.revision) > version:
                revision.module.upgrade()
