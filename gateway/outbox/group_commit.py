"""Where inputs hand over: their writes are gathered, cut into packs, and answered when they are on disk."""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, NamedTuple

from city.batch import Batch
from city.errors import Unavailable
from city.reading import Reading
from city.wire import pack
from city.wire.direct import MAX_VALUES
from city.wire.pack import Block, Pack, Undecoded, counted

_MAX_GROUP: Final = 10_000
"""Readings that one commit takes at most: it bounds the memory and the time of one transaction."""

_STOPPING: Final = "the gateway is stopping"

MAX_READINGS: Final = 1_000
"""Readings in one pack; what was handed over in one call is kept together up to here."""

MAX_UNDECODED: Final = 256 * 1024
"""Undecoded bytes after which a pack is closed, so that it stays below what brokers take (1 MB in EMQX)."""

MAX_KEPT: Final = 512 * 1024
"""Bytes that are kept of an undecoded payload: a pack that no broker takes would never leave."""

_MAX_BYTES: Final = 900 * 1024
"""About what a pack takes at most, for the same reason."""

_CELL_BYTES: Final = 9
"""One value and its flag."""

_NAME_BYTES: Final = 64
"""The name of a column."""

_MAX_ORIGIN: Final = 32_768
"""Letters of where undecoded bytes came from; ingest keeps as many."""

_FEW: Final = 128
"""Readings that fit with any quantities, if nothing undecoded is with them."""

_MAX_COLUMNS: Final = 4 * MAX_VALUES
"""Quantities in one block; ingest refuses more. Columns are dense, so this also bounds memory."""


class Contents(NamedTuple):
    """What one call of an input hands over, or what one pack holds."""

    readings: list[Reading]
    undecoded: list[Undecoded]

    def amount(self) -> int:
        """Readings in it, where each undecoded payload counts as one, but for one that was partly read."""
        return len(self.readings) + (counted(self.undecoded) if self.undecoded else 0)


@dataclass(slots=True, eq=False)
class PendingWrite:
    """One call of `accept`: what it hands over, since when it waits (loop time), and its answer."""

    contents: Contents
    since_s: float
    answer: asyncio.Future[None]


class GroupCommit:
    """Writes in order of arrival.

    Args:
        pack_readings: Readings at which a pack is closed at once.
        max_age_s: Seconds after which it is closed with what is there.
    """

    def __init__(self, pack_readings: int, max_age_s: float) -> None:
        self._pack_readings = pack_readings
        self._max_age_s = max_age_s
        self._writes: deque[PendingWrite] = deque()
        self._waiting_readings = 0
        self._closed = False
        self._has_writes = asyncio.Event()
        self._has_full_pack = asyncio.Event()

    async def write(self, contents: Contents) -> None:
        """Wait until the contents are on disk.

        Raises:
            SpoolFull: Custody was not taken; later it may be.
            Unavailable: Custody was not taken, because the gateway stops.
            Broken: Custody was not taken, because the spool is damaged.
        """
        if self._closed:
            raise Unavailable(_STOPPING)
        loop = asyncio.get_running_loop()
        write = PendingWrite(contents, loop.time(), loop.create_future())
        self._writes.append(write)
        self._waiting_readings += contents.amount()
        self._has_writes.set()
        if self._waiting_readings >= self._pack_readings:
            self._has_full_pack.set()
        await write.answer

    def close(self) -> None:
        """Refuse the writes that wait, and those to come."""
        self._closed = True
        answer(list(self._writes), Unavailable(_STOPPING))
        self._writes.clear()

    async def group(self) -> list[PendingWrite]:
        """Wait for enough readings or for long enough, and give the oldest writes."""
        await self._has_writes.wait()
        due_s = self._writes[0].since_s + self._max_age_s
        try:
            async with asyncio.timeout_at(due_s):
                await self._has_full_pack.wait()
        except TimeoutError:
            pass
        taken, writes = 0, []
        while self._writes and taken < _MAX_GROUP:
            write = self._writes.popleft()
            taken += write.contents.amount()
            writes.append(write)
        self._waiting_readings -= taken
        if not self._writes:
            self._has_writes.clear()
        if self._waiting_readings < self._pack_readings:
            self._has_full_pack.clear()
        return writes


def answer(writes: list[PendingWrite], error: Exception | None = None) -> None:
    """Answer that all is on disk, or why not; a caller that has gone is passed over."""
    for write in writes:
        if write.answer.done():
            continue
        if error is None:
            write.answer.set_result(None)
        else:
            write.answer.set_exception(error)


@contextmanager
def answering(writes: list[PendingWrite]) -> Iterator[None]:
    """Leave no write without an answer, however this ends."""
    try:
        yield
    except BaseException as error:
        answer(writes, error if isinstance(error, Exception) else Unavailable(_STOPPING))
        raise


def close_packs(handed_over: Iterable[Contents], pack_readings: int) -> Iterator[Contents]:
    """Cut what was handed over into packs, in order.

    A pack is closed once it holds `pack_readings` readings. One call's readings stay in one pack unless there are more
    than `MAX_READINGS`, or more quantities than fit.

    Args:
        handed_over: In order of receipt.
        pack_readings: Readings, from 1 to `MAX_READINGS`.
    """
    open_ = Contents([], [])
    size = 0
    for whole in handed_over:
        for part in _parts(whole):
            if open_.amount() + part.amount() > MAX_READINGS:
                yield from _fitting(open_)
                open_, size = Contents([], []), 0
            open_.readings.extend(part.readings)
            open_.undecoded.extend(part.undecoded)
            size += sum(map(_size, part.undecoded))
            if open_.amount() >= pack_readings or size >= MAX_UNDECODED:
                yield from _fitting(open_)
                open_, size = Contents([], []), 0
    if open_.amount():
        yield from _fitting(open_)


def encode(contents: Contents, *, gateway: str, spool: str, seq: int, offset: int) -> bytes:
    """Write a pack's bytes; see `city.wire.pack.Pack` for the numbers."""
    return pack.encode(Pack(gateway, spool, seq, offset, _to_blocks(contents.readings), contents.undecoded))


def _parts(whole: Contents) -> Iterator[Contents]:
    """Cut one call's contents only where they don't fit a pack; each undecoded payload may fill one alone."""
    if len(whole.readings) <= MAX_READINGS and not whole.undecoded:
        yield whole
        return
    for first in range(0, len(whole.readings), MAX_READINGS):
        yield Contents(whole.readings[first : first + MAX_READINGS], [])
    for item in whole.undecoded:
        yield Contents([], [_shortened(item)])


def _size(item: Undecoded) -> int:
    return len(item.payload) + len(item.origin) + len(item.detail)


def _shortened(item: Undecoded) -> Undecoded:
    if len(item.origin) > _MAX_ORIGIN:
        origin = item.origin[:_MAX_ORIGIN]
        item = Undecoded(origin, item.payload, item.received_at_ns, item.reason, item.detail)
    if len(item.payload) <= MAX_KEPT:
        return item
    detail = f"{item.detail}; the first {MAX_KEPT} of {len(item.payload)} bytes are kept"
    return Undecoded(item.origin, item.payload[:MAX_KEPT], item.received_at_ns, item.reason, detail)


def _fitting(whole: Contents) -> Iterator[Contents]:
    """Halve the rare pack whose columns, which are dense, would make it too large."""
    rows, undecoded = whole
    columns = len(set().union(*[row.values for row in rows])) if len(rows) > _FEW or undecoded else 0
    size = columns * (len(rows) * _CELL_BYTES + _NAME_BYTES) + sum(map(_size, undecoded))
    if size <= _MAX_BYTES or not rows:
        yield whole
        return
    half = len(rows) // 2
    yield from _fitting(Contents(rows[:half], []))
    yield from _fitting(Contents(rows[half:], []))
    if undecoded:
        yield Contents([], undecoded)


def _to_blocks(readings: list[Reading]) -> list[Block]:
    by_kind: dict[str, list[Reading]] = {}
    for reading in readings:
        by_kind.setdefault(reading.kind, []).append(reading)
    return [block for rows in by_kind.values() for block in _split(rows)]


def _split(rows: list[Reading]) -> Iterator[Block]:
    """Lay out readings of one kind; halve them while they name too many quantities for one block."""
    if len(rows) > 1 and len(set().union(*[row.values for row in rows])) > _MAX_COLUMNS:
        half = len(rows) // 2
        yield from _split(rows[:half])
        yield from _split(rows[half:])
    else:
        yield pack.to_block(Batch.from_readings(rows))
