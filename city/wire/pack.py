"""Packs: what a gateway publishes, MessagePack, with the readings as columns (one block a kind).

`{"v": 2, "gateway", "spool", "seq", "offset", "readings": [block, ...], "undecoded": [...]}`

Version 1 calls `spool` `boot` and `offset` `before`; it is still read (docs/decisions/0016).
Columns, because a pack of rows costs ingest ten times as much to take apart (docs/decisions/0004).
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
import numpy as np

from city.batch import Batch, Flags, Floats
from city.catalog import KINDS
from city.errors import Malformed, Reason
from city.reading import LAST_NS, Flag, check_ids, checked_id, checked_quantity
from city.wire.direct import MAX_VALUES

VERSION: Final = 2
MAX_BYTES: Final = 8 * 2**20
"""A pack that is larger is refused unread; gateways close theirs long before."""

MAX_READINGS: Final = 100_000

MAX_SEQ: Final = 2**53
"""Beyond this a number isn't exact in JSON, which receipts are."""


class Block(msgspec.Struct, array_like=True, forbid_unknown_fields=True, gc=False):
    """Readings of one kind, `n` rows; numbers are little-endian arrays.

    Attributes:
        kind: Key of the kind.
        devices: The distinct device ids.
        index: n x uint16, row to position in `devices`.
        time_ns: n x int64, nanoseconds UTC.
        values: Quantity to n x float64; NaN where the row lacks it.
        position: n x float64 latitudes, then n x float64 longitudes; empty when no row has a position.
        flags: Quantity to n x uint8 QARTOD codes, only where some aren't good.
    """

    kind: str
    devices: list[str]
    index: bytes
    time_ns: bytes
    values: dict[str, bytes]
    position: bytes = b""
    flags: dict[str, bytes] = {}


class Undecoded(msgspec.Struct, omit_defaults=True, gc=False):
    """Bytes that a gateway could not decode, for the one quarantine.

    Attributes:
        origin: `input:decoder?device=...`, enough to decode them again; `source` on the wire.
        payload: The bytes themselves.
        received_at_ns: When the gateway got them, nanoseconds UTC.
        reason: The bounded reason.
        detail: One sentence for a person.
        payloads: How many payloads it stands for; where it is condensed, `payload` is the beginning of the first.
        size: Bytes of all of them where it is condensed, else 0.
    """

    origin: str = msgspec.field(name="source")
    payload: bytes
    received_at_ns: int
    reason: str
    detail: str = ""
    payloads: int = 1
    size: int = 0


def counted(undecoded: Iterable[Undecoded]) -> int:
    """Count payloads as readings; one that was partly read is counted by its readings already."""
    return sum(item.payloads for item in undecoded if item.reason != Reason.PARTLY_READ)


class Pack(msgspec.Struct, tag_field="v", tag=VERSION, forbid_unknown_fields=True, gc=False):
    """One pack; on the wire `v`, the version, comes first.

    Attributes:
        gateway: Id of the gateway.
        spool: Id of the spool; each new spool file has another.
        seq: Rises by one from 1 within a spool.
        offset: Readings (and undecoded) in all earlier packs of this spool: it makes a gap countable.
        readings: One block a kind.
        undecoded: What the gateway could not decode.
    """

    gateway: str
    spool: str
    seq: int
    offset: int
    readings: list[Block]
    undecoded: list[Undecoded]

    def count(self) -> int:
        """Readings in it, where each undecoded payload counts as one, but for one that was partly read."""
        return counted(self.undecoded) + sum(len(block.time_ns) // 8 for block in self.readings)

    def first_ns(self) -> int:
        """Instant of its first reading, else receipt of its first undecoded payload, as the gateway says; 0: empty."""
        if self.readings:
            return int.from_bytes(self.readings[0].time_ns[:8], "little", signed=True)
        return self.undecoded[0].received_at_ns if self.undecoded else 0


class _Pack1(msgspec.Struct, tag_field="v", tag=1, forbid_unknown_fields=True, gc=False):
    """Version 1, which a spool may still hold."""

    gateway: str
    boot: str
    seq: int
    before: int
    readings: list[Block]
    undecoded: list[Undecoded]


class _Version(msgspec.Struct):
    v: int


_decoder: Final[msgspec.msgpack.Decoder[Pack | _Pack1]] = msgspec.msgpack.Decoder(Pack | _Pack1)
_version_decoder: Final = msgspec.msgpack.Decoder(_Version)
_encoder: Final = msgspec.msgpack.Encoder()


def encode(pack: Pack) -> bytes:
    """Give the bytes of a pack: MessagePack, `v` first."""
    return _encoder.encode(pack)


def decode(payload: bytes, gateway: str) -> Pack:
    """Understand a pack's frame; its blocks are checked by `to_batch`.

    Raises:
        Malformed: `too_large`, `pack_version`, `pack_malformed`, or `pack_foreign`
            when it names another gateway than its topic.
    """
    if len(payload) > MAX_BYTES:
        raise Malformed(Reason.TOO_LARGE, f"{len(payload)} bytes; at most {MAX_BYTES}")
    try:
        pack = _decoder.decode(payload)
        if isinstance(pack, _Pack1):
            pack = Pack(pack.gateway, pack.boot, pack.seq, pack.before, pack.readings, pack.undecoded)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _unreadable(payload, error) from None
    if pack.gateway != gateway:
        raise Malformed(Reason.PACK_FOREIGN, f"a pack of {pack.gateway[:80]!r} on the topic of {gateway!r}")
    checked_id(pack.spool, Reason.PACK_MALFORMED)
    if any(row.payloads < 1 or not 0 <= row.size <= MAX_SEQ for row in pack.undecoded):
        raise Malformed(Reason.PACK_MALFORMED, "an undecoded item stands for no payload")
    if not (1 <= pack.seq <= MAX_SEQ and 0 <= pack.offset <= MAX_SEQ and pack.count() <= MAX_READINGS):
        raise Malformed(Reason.PACK_MALFORMED, f"seq {pack.seq}, offset {pack.offset}, {pack.count()} readings")
    return pack


def to_block(batch: Batch) -> Block:
    """Lay a batch out for the wire; at most 65,536 distinct devices."""
    return Block(
        kind=batch.kind,
        devices=batch.devices,
        index=batch.index.astype("<u2").tobytes(),
        time_ns=batch.time_ns.astype("<i8").tobytes(),
        values={key: column.astype("<f8").tobytes() for key, column in batch.values.items()},
        position=b"" if batch.lat is None or batch.lon is None else _pair(batch.lat, batch.lon),
        flags={key: column.tobytes() for key, column in batch.flags.items()},
    )


def to_batch(block: Block) -> Batch:
    """Check a block and make it a batch; its values become the rows of one table, so that one pass judges all.

    Raises:
        Malformed: `unknown_kind`, `bad_device`, `bad_quantity`, `no_values`, `not_finite`, `bad_time`,
            `bad_position` or `pack_malformed` (columns of unequal length).
    """
    if block.kind not in KINDS:
        raise Malformed(Reason.UNKNOWN_KIND, f"no kind {block.kind[:80]!r}")
    check_ids(block.devices)
    if len(set(block.devices)) < len(block.devices):
        raise Malformed(Reason.PACK_MALFORMED, f"a block of {block.kind} names a device twice")
    try:
        table = _table(block)
        batch = _columns(block, table)
    except ValueError as error:
        raise Malformed(Reason.PACK_MALFORMED, f"columns of {block.kind}: {error}") from None
    _check(batch, table)
    return batch


def _table(block: Block) -> Floats:
    rows = len(block.index) // 2
    for column in block.values.values():
        if len(column) != rows * 8:
            raise ValueError(f"{len(column)} bytes for {rows} values")
    table: Floats = np.frombuffer(b"".join(block.values.values()), "<f8").reshape(len(block.values), rows)
    return table


def _columns(block: Block, table: Floats) -> Batch:
    index = np.frombuffer(block.index, "<u2").astype(np.int32)
    rows = len(index)
    batch = Batch(
        kind=block.kind,
        devices=block.devices,
        index=index,
        time_ns=_sized(block.time_ns, "<i8", rows),
        values={checked_quantity(key): row for key, row in zip(block.values, table, strict=True)},
        flags={key: _sized(column, "u1", rows) for key, column in block.flags.items()},
    )
    if block.position:
        batch.lat, batch.lon = _sized(block.position, "<f8", 2 * rows).reshape(2, rows)
        nowhere = (batch.lat == 0) & (batch.lon == 0)  # what a receiver without a fix says
        if nowhere.any():
            batch.lat, batch.lon = (np.where(nowhere, np.nan, axis) for axis in (batch.lat, batch.lon))
    return batch


def _sized(column: bytes, dtype: str, rows: int) -> Any:
    array = np.frombuffer(column, dtype)
    if len(array) != rows:
        raise ValueError(f"{len(array)} cells for {rows} rows")
    return array


def _check(batch: Batch, table: Floats) -> None:
    rows = len(batch)
    if rows == 0 or not 0 < len(batch.values) <= MAX_VALUES * 4:
        raise Malformed(Reason.NO_VALUES, f"{rows} rows of {len(batch.values)} quantities of {batch.kind}")
    if int(batch.index.max()) >= len(batch.devices):
        raise Malformed(Reason.PACK_MALFORMED, f"a row of {batch.kind} names a device that the block lacks")
    # read as unsigned, a time before 1970 is a huge one, so one comparison finds both
    if int(batch.time_ns.view(np.uint64).max()) >= LAST_NS:
        raise Malformed(Reason.BAD_TIME, f"a time of {batch.kind} is before 1970 or after 2100")
    if not np.isfinite(table).all():
        if np.isinf(table).any():
            raise Malformed(Reason.NOT_FINITE, f"a value of {batch.kind} is infinite")
        if np.isnan(table).all(axis=0).any():
            raise Malformed(Reason.NO_VALUES, f"a row of {batch.kind} has no value")
    if not batch.flags.keys() <= batch.values.keys() or any(
        not np.isin(column, _CODES).all() for column in batch.flags.values()
    ):
        raise Malformed(Reason.PACK_MALFORMED, f"flags of {batch.kind} that are none")
    if batch.lat is not None and batch.lon is not None and not _on_globe(batch.lat, batch.lon):
        raise Malformed(Reason.BAD_POSITION, f"a position of {batch.kind} is not on the globe, or half of one")


_CODES: Final[Flags] = np.array(list(Flag), np.uint8)


def _on_globe(lat: Floats, lon: Floats) -> bool:
    whole = bool((np.isnan(lat) == np.isnan(lon)).all())
    return whole and not bool((np.abs(lat) > 90).any() or (np.abs(lon) > 180).any())  # noqa: PLR2004 - degrees


def _pair(lat: Floats, lon: Floats) -> bytes:
    return np.concatenate([lat, lon]).astype("<f8").tobytes()


def _unreadable(payload: bytes, error: Exception) -> Malformed:
    try:
        version = _version_decoder.decode(payload).v
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        version = VERSION
    if version not in {1, VERSION}:
        return Malformed(Reason.PACK_VERSION, f"version {version}; this is {VERSION}")
    return Malformed(Reason.PACK_MALFORMED if payload else Reason.EMPTY, str(error))
