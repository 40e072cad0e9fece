"""Line protocol out of columns.

https://docs.influxdata.com/influxdb/v1/write_protocols/line_protocol_reference/
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from city.batch import NOWHERE, Batch, Floats, Place
from city.reading import Flag
from city.store import layout

MAX_BYTES: Final = 4_500_000
"""Longest body before compression: 3.x takes 10 MiB, proxies before it often less."""

_GZIP: Final = 31  # zlib's name for a gzip header around the largest window
_FLAGS: Final = pa.array([str(code) for code in range(256)])
# a backslash at the end of a tag can't be escaped, a line break not at all: both are replaced
_TAG: Final = str.maketrans({",": "\\,", "=": "\\=", " ": "\\ ", "\n": "_", "\r": "_", "\\": "/"})

Mask = NDArray[np.bool_]
Positions = NDArray[np.intp]


class Prefixes:
    """The escaped beginning of each device's lines, kept from one batch to the next."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, tuple[Place, str]]] = {}

    def of(self, batch: Batch) -> pa.Array:
        """By device of the batch: measurement and tags, empty ones left out."""
        known = self._known.setdefault(batch.kind, {})
        places = batch.places or [NOWHERE] * len(batch.devices)
        prefixes = []
        for device, place in zip(batch.devices, places, strict=True):
            found = known.get(device)
            if found is None or found[0] != place:
                found = known[device] = (place, _prefix(batch.kind, device, place))
            prefixes.append(found[1])
        return pa.array(prefixes)


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of a batch, one for each row that holds anything.

    Attributes:
        ends: (n + 1,) where lines begin and end in `text`.
        text: All of them, each closed by a line break.
        rows: (n,) row of the batch that each line stands for.
    """

    ends: NDArray[np.int32]
    text: memoryview
    rows: Positions

    def bodies(self) -> Iterator[tuple[int, int]]:
        """Cut them into ranges of lines that fit one request."""
        start = 0
        while start < len(self.rows):
            limit = int(self.ends[start]) + MAX_BYTES
            stop = max(start + 1, int(np.searchsorted(self.ends, limit, "right")) - 1)
            yield start, stop
            start = stop

    def body(self, start: int, stop: int) -> bytes:
        """Give the lines of a range, compressed by gzip at its fastest."""
        packer = zlib.compressobj(1, zlib.DEFLATED, _GZIP)
        return packer.compress(self.text[self.ends[start] : self.ends[stop]]) + packer.flush()


def lines_of(batch: Batch, rx_ns: int, explicit: Mask | None, prefixes: Prefixes) -> Lines | None:
    """Write a batch as lines; None when it holds nothing.

    Args:
        batch: Readings, each (device, instant) once.
        rx_ns: When ingest took them.
        explicit: (n,) rows whose good values need their flag spelt out, because an older flag may lie there.
        prefixes: What is known from earlier batches.
    """
    columns = list(batch.values.items())
    if batch.lat is not None and batch.lon is not None:
        columns += [(layout.LAT, batch.lat), (layout.LON, batch.lon)]
    pieces: list[pa.Array | str] = []
    held = np.zeros(len(batch), np.bool_)
    for key, column in columns:
        here = ~np.isnan(column)
        held |= here
        flags = batch.flags.get(key)
        flagged = flags is not None and bool((flags != Flag.GOOD).any())
        if flags is None or not flagged:
            pieces += _dense(key, column) if here.all() else [_sparse(key, column, here)]
            if explicit is not None and key not in layout.POSITION:
                pieces.append(_coded(key, np.full(len(batch), Flag.GOOD, np.uint8), here & explicit))
            continue
        failed = here & (flags >= Flag.FAIL)
        pieces.append(_sparse(key, column, here & ~failed))
        pieces.append(_sparse(layout.failed_field(key), column, failed))
        spelt = flags != Flag.GOOD if explicit is None else explicit | (flags != Flag.GOOD)
        pieces.append(_coded(key, flags, here & spelt))
    if not held.any():
        return None
    text = pc.binary_join_element_wise(
        pc.take(prefixes.of(batch), pa.array(batch.index)),
        f" {layout.RX}={rx_ns / 1_000_000!r}",
        *pieces,
        " ",
        pc.cast(pa.array(batch.time_ns), pa.string()),
        "\n",
        "",
        null_handling="skip",
    )
    if not held.all():
        text = text.filter(pa.array(held))
    _, ends, data = text.buffers()
    return Lines(np.frombuffer(ends, np.int32, len(text) + 1), memoryview(data), np.flatnonzero(held))


def _prefix(kind: str, device: str, place: Place) -> str:
    tags = (device, place.district, place.owner, place.province)
    cells = [f"{name}={tag.translate(_TAG)}" for name, tag in zip(layout.TAGS, tags, strict=True) if tag]
    return ",".join([kind.translate(_TAG), *cells])


def _dense(key: str, column: Floats) -> list[pa.Array | str]:
    """Field in every line."""
    return [f",{key}=", pc.cast(pa.array(column), pa.string())]  # the shortest text that reads back the same


def _sparse(key: str, column: Floats, here: Mask) -> pa.Array:
    """Field in some lines; null, which the join skips, in the others."""
    text = pc.cast(pa.array(column, mask=~here), pa.string())
    return pc.binary_join_element_wise(f",{key}=", text, "", null_handling="emit_null")


def _coded(key: str, flags: NDArray[np.uint8], here: Mask) -> pa.Array:
    """Field of flags in some lines."""
    text = pc.take(_FLAGS, pa.array(flags, mask=~here))
    return pc.binary_join_element_wise(f",{layout.qc_field(key)}=", text, "", null_handling="emit_null")
