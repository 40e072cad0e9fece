"""One device at one instant, and what is true of any of its values."""

import re
from collections.abc import Collection
from enum import IntEnum
from functools import lru_cache
from typing import Final

import msgspec

from city.errors import Malformed, Reason

ID_PATTERN: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
"""Ids of devices, gateways and owners."""

QUANTITY_PATTERN: Final = re.compile(r"[a-z][a-z0-9_]{0,47}")
"""Keys of quantities: snake_case."""

RESERVED: Final = frozenset({"time", "rx", "lat", "lon", "device", "province", "district", "owner"})
"""Names that the store's layout uses for itself."""

RESERVED_ENDINGS: Final = ("_failed", "_qc")

FIRST_NS: Final = 946_684_800 * 10**9
LAST_NS: Final = 4_102_444_800 * 10**9
"""Times are accepted from 2000 up to 2100 (UTC): what lies before is a clock that was never set, or seconds taken for
milliseconds; what lies behind is a broken clock. Neither is a reading."""


class Flag(IntEnum):
    """Quality of a value (QARTOD, IOOS Manual for Real-Time Quality Control, flag scheme)."""

    GOOD = 1
    NOT_EVALUATED = 2
    SUSPECT = 3
    FAIL = 4
    MISSING = 9


class Reading(msgspec.Struct, frozen=True, gc=False):
    """One device at one instant.

    Attributes:
        device: Id of the device.
        kind: Key of the catalog's kind.
        time_ns: Instant of the measurement, nanoseconds since 1970 UTC.
        values: Quantity key to value, in the catalog's unit; finite.
        lat: Degrees north (WGS 84), together with `lon` or not at all.
        lon: Degrees east (WGS 84).
        flags: Quantity key to `Flag`, only where it isn't good.
    """

    device: str
    kind: str
    time_ns: int
    values: dict[str, float]
    lat: float | None = None
    lon: float | None = None
    flags: dict[str, int] = {}


def checked_id(text: str, reason: Reason = Reason.BAD_DEVICE) -> str:
    """Give back a well-formed id.

    Raises:
        Malformed: The id breaks the pattern; under `reason`.
    """
    if ID_PATTERN.fullmatch(text) is None:
        raise Malformed(reason, f"{text[:80]!r} is not a well-formed id")
    return text


def check_ids(ids: Collection[str]) -> None:
    """Check many ids; those that passed once pass again at the price of a look-up.

    Raises:
        Malformed: `bad_device`; one of the ids breaks the pattern.
    """
    if _good_ids.issuperset(ids):
        return
    for text in ids:
        checked_id(text)
    if len(_good_ids) < _MAX_GOOD_IDS:
        _good_ids.update(ids)


_good_ids: Final[set[str]] = set()
_MAX_GOOD_IDS: Final = 100_000


@lru_cache(maxsize=4096)
def checked_quantity(key: str) -> str:
    """Give back a well-formed quantity key that the layout doesn't use itself.

    Raises:
        Malformed: `bad_quantity`.
    """
    if QUANTITY_PATTERN.fullmatch(key) is None or key in RESERVED or key.endswith(RESERVED_ENDINGS):
        raise Malformed(Reason.BAD_QUANTITY, f"{key[:80]!r} can't name a quantity")
    return key
