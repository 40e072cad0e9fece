"""What a DS18B20 (Dallas 1-Wire) says when it has measured nothing, for the decoders that know that it is one."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from city.reading import Flag, Reading

_FLAGS: Final = MappingProxyType({85.0: int(Flag.SUSPECT), -127.0: int(Flag.FAIL)})
"""What it holds from power-on until its first conversion (its data sheet, "Power-on reset value"), which may be a true
temperature too, and what the usual library says of a probe that is gone."""

_SAID: Final = frozenset(_FLAGS)


def names_probe(name: str) -> bool:
    """Say whether a field or sensor is one by its name, such as `DS18B20-2` or `temperature_ds18b20`."""
    return "ds18" in name.lower()


def may_have_failed(values: Mapping[str, float]) -> bool:
    """Say, at little cost, whether any value is one that a probe gives when it has measured nothing."""
    return not _SAID.isdisjoint(values.values())


def probe_flags(values: Mapping[str, float], probes: Iterable[str]) -> dict[str, int]:
    """Give the flags of those quantities that are of such a probe, in degrees Celsius, and not good."""
    if not may_have_failed(values):
        return {}
    return {key: flag for key in probes if (flag := _FLAGS.get(values.get(key, 0.0))) is not None}


def flagged(reading: Reading, flags: Mapping[str, int]) -> Reading:
    """Give a reading those of the flags that are of its own quantities."""
    if not flags:
        return reading
    own = {key: flag for key, flag in flags.items() if key in reading.values}
    return msgspec.structs.replace(reading, flags=own) if own else reading
