"""The tables that ledger and registry share."""

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, Table, Text

from city.outcomes import COUNTED

VERSION: Final = 6
"""Version of these tables; `city.database.migrations` brings an earlier one up to it, a later one is refused."""

metadata: Final = MetaData()

# SQLite makes a key its row number only where the type is spelled INTEGER; both are 64 bits wide there.
_Big: Final = BigInteger().with_variant(Integer(), "sqlite")
# Pages follow keys in the order of code points, whatever the language of a PostgreSQL cluster.
_Key: Final = Text().with_variant(Text(collation="C"), "postgresql")

schema_version: Final = Table(
    "schema_version",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
    Column("epoch", _Key, nullable=False),
)
"""One row: what this database is. `epoch` is new with each restore, so that positions in the journal of another life of
it are told from those of this one."""

sequences: Final = Table(
    "sequences",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("flush", _Big, nullable=False),
    Column("journal", _Big, nullable=False),
    Column("quarantine", _Big, nullable=False),
    Column("rev", _Big, nullable=False),
    Column("compacted", _Big, nullable=False),
    Column("compacted_ns", _Big, nullable=False),
    Column("journal_bytes", _Big, nullable=False),
    Column("expired_readings", _Big, nullable=False),
    Column("cleanup_ns", _Big, nullable=False),
)
"""One row: the last number given out in each table, and how far counts are compacted.

`journal_bytes` are the payloads that the journal holds now, `expired_readings` the readings of entries that it no
longer holds, and `cleanup_ns` is when a worker began the last clean-up.

Who updates it holds its lock until the commit, so numbers have no gaps and rise in order of commit.
"""

flush_counts: Final = Table(
    "flush_counts",
    metadata,
    Column("flush", _Big, primary_key=True, autoincrement=False),
    Column("rows", LargeBinary, nullable=False),
)
"""The counts of one flush until they are compacted into `open_hour`.

One row a flush, because a row a device would cost the flush several times what the rest of it does.
"""

open_hour: Final = Table(
    "open_hour",
    metadata,
    Column("hour_ns", _Big, primary_key=True, autoincrement=False),
    Column("rows", LargeBinary, nullable=False),
)
"""The compacted counts of an hour that isn't over, until they move to `hourly`.

One row an hour, because a hundred thousand devices that report each minute would rewrite their hourly rows sixty
times, which costs seconds at a time.
"""

fingerprints: Final = Table(
    "fingerprints",
    metadata,
    Column("flush", _Big, primary_key=True, autoincrement=False),
    Column("packed", LargeBinary, nullable=False),
)
"""Little-endian uint64 of the direct messages of one flush, kept while they are among the newest."""

hourly: Final = Table(
    "hourly",
    metadata,
    Column("hour_ns", _Big, primary_key=True, autoincrement=False),
    Column("gateway", _Key, primary_key=True),
    Column("device", _Key, primary_key=True),
    *(Column(name, _Big, nullable=False) for name in COUNTED),
    sqlite_with_rowid=False,
)
"""The counts of an hour are these and what `open_hour` and `flush_counts` hold of it."""

pack_range: Final = Table(
    "pack_range",
    metadata,
    Column("gateway", _Key, primary_key=True),
    Column("spool", _Key, primary_key=True),
    Column("first", _Big, primary_key=True, autoincrement=False),
    Column("last", _Big, nullable=False),
    Column("first_offset", _Big, nullable=False),
    Column("end_offset", _Big, nullable=False),
    Column("rev", _Big, nullable=False),
    Column("since_ns", _Big, nullable=False),
    Column("until_ns", _Big, nullable=False),
    Index("pack_range_rev", "rev"),
    sqlite_with_rowid=False,
)
"""Settled packs `[first, last]`; `first_offset` and `end_offset` count the readings of the spool up to there.

`rev` is the flush that changed it last; `since_ns` and `until_ns` are when its first and its last pack were settled.
"""

journal: Final = Table(
    "journal",
    metadata,
    Column("id", _Big, primary_key=True, autoincrement=False),
    Column("at_ns", _Big, nullable=False),
    Column("owner", _Key, nullable=False),
    Column("readings", _Big, nullable=False),
    Column("payload", LargeBinary, nullable=False),
)

follower: Final = Table(
    "follower",
    metadata,
    Column("follower", _Key, primary_key=True),
    Column("position", _Big, nullable=False),
    Column("worker", Boolean, nullable=False),
    Column("at_ns", _Big, nullable=False),
)
"""How far those who follow the journal have read, so that the clean-up knows what is still needed."""

quarantine: Final = Table(
    "quarantine",
    metadata,
    Column("id", _Big, primary_key=True, autoincrement=False),
    Column("hour_ns", _Big, nullable=False),
    Column("topic", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("received_ns", _Big, nullable=False),
    Column("reason", _Key, nullable=False),
    Column("detail", Text, nullable=False),
    Column("gateway", _Key, nullable=False),
    Column("device", _Key, nullable=False),
    Column("origin", Text, nullable=False),
    Column("readings", _Big, nullable=False),
    Column("state", _Key, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("payloads", _Big, nullable=False, server_default="1"),
    Column("bytes", _Big, nullable=False, server_default="0"),
    Column("digest", _Key, nullable=False, server_default=""),
    Index("quarantine_state", "state", "id"),
    Index("quarantine_reason", "reason", "id"),
    Index("quarantine_hour", "hour_ns", "state"),
)
"""`hour_ns` is the hour of the counters in which the row was counted, which a re-drive corrects.

A condensed row stands for `payloads` payloads of `bytes` bytes; its `digest` is chained over all of them.
"""

quarantine_kept: Final = Table(
    "quarantine_kept",
    metadata,
    Column("hour_ns", _Big, primary_key=True, autoincrement=False),
    Column("gateway", _Key, primary_key=True),
    Column("device", _Key, primary_key=True),
    Column("bytes", _Big, nullable=False),
    sqlite_with_rowid=False,
)
"""What the rows of an hour take, by source; under the name `*`, which no gateway has, that of all sources."""

device: Final = Table(
    "device",
    metadata,
    Column("device", _Key, primary_key=True),
    Column("kind", _Key, nullable=False),
    Column("province", _Key, nullable=False),
    Column("district", _Key, nullable=False, default=""),
    Column("owner", _Key, nullable=False, default=""),
    Column("gateway", _Key, nullable=False),
    Column("status", _Key, nullable=False, default="discovered"),
    Column("name", Text, nullable=False, default=""),
    Column("first_seen_ns", _Big, nullable=False),
    Column("rev", _Big, nullable=False),
    Index("device_rev", "rev"),
)
"""`rev` is the revision, numbered by `sequences`, that changed the row last."""

device_kind: Final = Table(
    "device_kind",
    metadata,
    Column("device", _Key, primary_key=True),
    Column("kind", _Key, primary_key=True),
    Column("rev", _Big, nullable=False),
    Index("device_kind_rev", "rev"),
    sqlite_with_rowid=False,
)
"""Every kind under which a device sent readings: a truck with probes is a vehicle and cargo."""

restore: Final = Table(
    "restore",
    metadata,
    Column("epoch", _Key, primary_key=True),
    Column("at_ns", _Big, nullable=False),
    Column("commit_ns", _Big, nullable=False),
)
"""When the database was put back, and about when its last commit before that was: what lies between is forgotten."""

removed_device: Final = Table(
    "removed_device",
    metadata,
    Column("device", _Key, primary_key=True),
    Column("rev", _Big, nullable=False),
    Index("removed_device_rev", "rev"),
    sqlite_with_rowid=False,
)
"""Devices that left the registry, for processes that remember them; one that speaks again is registered anew."""

erasure: Final = Table(
    "erasure",
    metadata,
    Column("id", _Big, primary_key=True, autoincrement=False),
    Column("at_ns", _Big, nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("device", _Key, nullable=False),
    Column("start_ns", _Big, nullable=False),
    Column("end_ns", _Big, nullable=False),
    Column("readings", _Big, nullable=False),
    Column("payloads", _Big, nullable=False),
    Column("done", Boolean, nullable=False),
)
"""Who had what erased, and why: `readings` were taken out of the journal, `payloads` out of the quarantine."""

gateway: Final = Table(
    "gateway",
    metadata,
    Column("gateway", _Key, primary_key=True),
    Column("province", _Key, nullable=False),
    Column("online", Boolean, nullable=False),
    Column("spool", _Key, nullable=False),
    Column("pending", _Big),
    Column("packs", _Big, nullable=False),
    Column("spool_bytes", _Big, nullable=False),
    Column("at_ns", _Big, nullable=False),
)
