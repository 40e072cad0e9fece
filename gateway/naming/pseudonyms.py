"""Personal ids (drivers, plates, owners' phones) as keyed hashes: HMAC-SHA256 (RFC 2104), cut to 64 bits.

The key finds the pseudonym of an id, and so, by trying all ids, the id of a pseudonym; without the key neither is
found. The same id has the same pseudonym as long as the key stays, so a vehicle's history is one.
"""

import hmac
import re
from collections.abc import Iterable
from fnmatch import translate
from functools import lru_cache
from typing import Final

from city.reading import Reading

MIN_KEY_BYTES: Final = 32

_NUMBER_BITS: Final = 48
"""A pseudonym of a number is a whole number that a double, and JSON, hold exactly."""


class Pseudonyms:
    """Hides what a city said is personal.

    Args:
        key: Secret, at least 32 bytes.
        devices: Patterns of device ids (`osmand-*`); `*`, `?` and `[...]` as in file names.
        quantities: Quantities whose values are ids.
    """

    def __init__(self, key: bytes, devices: Iterable[str] = (), quantities: Iterable[str] = ()) -> None:
        self._key = key
        self._devices = re.compile("|".join(translate(pattern) for pattern in devices) or r"(?!)")
        self._quantities = frozenset(quantities)
        self.device = lru_cache(maxsize=65_536)(self._device)

    @property
    def mark(self) -> str:
        """Names the key without giving it away: who lacks it must not decode what this gateway could not."""
        return self._hash("mark").hex()

    def hide(self, reading: Reading) -> Reading:
        """Give the reading with pseudonyms for what is personal in it."""
        device = self.device(reading.device)
        personal = self._quantities & reading.values.keys()
        if device == reading.device and not personal:
            return reading
        values = reading.values | {key: self._number(reading.values[key]) for key in personal}
        return Reading(device, reading.kind, reading.time_ns, values, reading.lat, reading.lon, reading.flags)

    def _device(self, device: str) -> str:
        """Give the pseudonym of a device, or the device itself if it isn't personal."""
        return f"p-{self._hash(f'device {device}').hex()}" if self._devices.fullmatch(device) else device

    def _number(self, value: float) -> float:
        return float(int.from_bytes(self._hash(f"number {value!r}")) >> (64 - _NUMBER_BITS))

    def _hash(self, text: str) -> bytes:
        return hmac.digest(self._key, text.encode(), "sha256")[:8]
