"""What ingest takes: checked before readings enter a pack, which one bad one would spoil."""

import math
from collections.abc import Sequence
from typing import Final

from msgspec import UNSET

from city.errors import Malformed, Reason
from city.reading import FIRST_NS, LAST_NS, Flag, Reading, checked_id, checked_quantity
from city.wire.direct import MAX_VALUES, to_position
from gateway.decoders.decoder import known_kind


def checked(readings: Sequence[Reading]) -> Sequence[Reading]:
    """Give back readings that ingest will take; one that it won't would spoil the whole pack that it travels in.

    Raises:
        Malformed: A decoder made something else; under the reason that says what.
    """
    for reading in readings:
        checked_id(reading.device)
        known_kind(reading.kind)
        if not FIRST_NS <= reading.time_ns < LAST_NS:
            raise Malformed(Reason.BAD_TIME, f"{reading.time_ns} ns is outside 2000 to 2100")
        if not 0 < len(reading.values) <= MAX_VALUES:
            raise Malformed(Reason.NO_VALUES, f"{len(reading.values)} values; from 1 to {MAX_VALUES} are allowed")
        for key, value in reading.values.items():
            checked_quantity(key)
            if not math.isfinite(value):
                raise Malformed(Reason.NOT_FINITE, f"{key} is not finite")
        if reading.lat is not None or reading.lon is not None:
            lat, _ = to_position(*(UNSET if degrees is None else degrees for degrees in (reading.lat, reading.lon)))
            if lat is None:
                raise Malformed(Reason.BAD_POSITION, f"{reading.device} at 0, 0, which is no position")
        if reading.flags and not (
            reading.flags.keys() <= reading.values.keys() and _CODES.issuperset(reading.flags.values())
        ):
            raise Malformed(Reason.WRONG_TYPE, f"flags of {reading.device} that are none")
    return readings


_CODES: Final = frozenset(map(int, Flag))
