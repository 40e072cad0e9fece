"""Milesight: channel, type, value; the tables of the families are in `milesight_channels`."""

from collections.abc import Callable, Mapping
from struct import Struct
from types import MappingProxyType
from typing import Any, Final

from gateway.decoders.fields import NOTHING, NUMBER, Meaning, Names
from gateway.decoders.lorawan.codecs.codec import HISTORY, Codec, refusal
from gateway.decoders.lorawan.codecs.milesight_channels import (
    CURRENT_ALARMS,
    FAMILIES,
    GEOFENCE,
    MOTION,
    SHARED,
    YES_NO,
    Channel,
)

_HEADER: Final = 2
_LISTED: Final = {bytes((0x20, 0xCE)): HISTORY, bytes((0x06, 0xD9)): "wifi"}
"""Channels that come more than once in a frame, to the lists that they make."""

_SOUND: Final = Struct("<BHHH")
_BY_FREQUENCY: Final = ("Z", "A", "C")
_BY_TIME: Final = MappingProxyType({"I": "_impulse", "F": "_fast", "S": "_slow"})
"""How a sound is weighted, by the bits 0 and 1, and 2 and 3, of its first byte."""


def _sound_names() -> Names:
    """Name every level that a WS302 can be set to; the plain `sound_level` is LAeq alone."""
    names: dict[str, Meaning] = {}
    for frequency in _BY_FREQUENCY:
        base = "sound_level" if frequency == "A" else f"sound_level_{frequency.lower()}"
        names[f"L{frequency}eq"] = Meaning(base)
        for time, ending in _BY_TIME.items():
            names[f"L{frequency}{time}"] = Meaning(f"{base}{ending}")
            names[f"L{frequency}{time}max"] = Meaning(f"{base}{ending}_max")
    return names


NAMES: Final[Names] = MappingProxyType(
    {
        "distance": Meaning("distance", "mm"),
        "distance_alarming": Meaning("distance_alarm"),
        "temperature_abnormal": Meaning("temperature_alarm"),
        # depth over a submerged probe: no height above the sea
        "level": Meaning("water_depth", "cm"),
        "depth": Meaning("water_depth", "cm"),
        "leakage_status": Meaning("water_leak"),
        "water_leak": Meaning("water_leak"),
        "magnet_status": Meaning("door_open"),
        "door": Meaning("door_open"),
        "pm2.5": Meaning("pm2_5"),
        "o3": Meaning("o3", "[ppm]"),
        # an index or ug/m3, as the device is set
        "tvoc": Meaning("tvoc_level"),
        "pir": Meaning("occupied"),
        "activity": Meaning("occupied"),
        "illumination": Meaning("illuminance"),
        "position": Meaning("tilted"),
        "remaining": Meaning("remaining_space"),
        **_sound_names(),
        "LAFmax": Meaning("sound_level_max"),
        "latitude": Meaning("lat"),
        "longitude": Meaning("lon"),
        "total_current": Meaning("charge_total"),
        "timestamp": NOTHING,
        "report_interval": NOTHING,
        "threshold_flags": NOTHING,
        "water_conv": NOTHING,
        "pulse_conv": NOTHING,
        "ipso_version": NOTHING,
        "sn": NOTHING,
    }
)
AM100_NAMES: Final[Names] = MappingProxyType({**NAMES, "activity": Meaning("activity_level")})
"""In this family it is a number of movements, and in all others a state."""

_OPEN: Final = MappingProxyType({"close": 0.0, "closed": 0.0, "open": 1.0})
_LEAKS: Final = MappingProxyType({"normal": 0.0, "leak": 1.0})
_YES: Final = MappingProxyType({"no": 0.0, "yes": 1.0})
STATES: Final[Mapping[str, Mapping[str, float]]] = MappingProxyType(
    {
        "leakage_status": _LEAKS,
        "water_leak": _LEAKS,
        "magnet_status": _OPEN,
        "door": _OPEN,
        "activity": MappingProxyType({"idle": 0.0, "trigger": 1.0}),
        "pir": MappingProxyType({"idle": 0.0, "trigger": 1.0}),
        "position": MappingProxyType({"normal": 0.0, "tilt": 1.0}),
        "gpio": MappingProxyType({"low": 0.0, "high": 1.0}),
        "tamper_status": MappingProxyType({"installed": 0.0, "install": 0.0, "uninstalled": 1.0, "uninstall": 1.0}),
        "temperature_alarm": MappingProxyType({"normal": 0.0, "abnormal": 1.0}),
        **{f"current_alarm_{name}": _YES for name in CURRENT_ALARMS},
    }
)


def decoder(family: str) -> Callable[[int, bytes], dict[str, object]]:
    """Make the decoder of a family; an empty name makes one for all others, which knows what all have and no more.

    A channel that one family has alone is another family's something else: an input, a leak, a tamper switch.
    """
    channels = {bytes(key): channel for key, channel in (FAMILIES[family] if family else SHARED).items()}

    def decode(port: int, payload: bytes) -> dict[str, object]:  # noqa: ARG001 -- the codec's contract
        """Read a frame.

        Raises:
            DecodeError: `undecoded`: an unknown channel, or a value that is cut off.
        """
        return _decoded(payload, channels)

    return decode


def _decoded(payload: bytes, channels: Mapping[bytes, Channel]) -> dict[str, object]:
    fields: dict[str, object] = {}
    lists: dict[str, list[dict[str, object]]] = {}
    at, size = 0, len(payload)
    while at < size:
        key = payload[at : at + _HEADER]
        channel = channels.get(key)
        if channel is None:
            raise refusal(f"channel 0x{key[:1].hex()} of type 0x{key[1:].hex()} is none of this device")
        start = at + _HEADER
        at = start + channel.layout.size
        if at > size:
            raise refusal(f"the value of channel 0x{key[:1].hex()} is cut off")
        target = fields
        if key in _LISTED:
            lists.setdefault(_LISTED[key], []).append(target := {})
        _add(target, channel, payload, start)
    return fields | lists if lists else fields


def _add(fields: dict[str, object], channel: Channel, payload: bytes, at: int) -> None:
    layout, parts, spell = channel
    for (name, divisor, texts, none), raw in zip(parts, layout.unpack_from(payload, at), strict=True):
        if raw in none:
            continue
        if spell is not None:
            fields[name] = spell(raw)
        elif texts is not None:
            fields[name] = texts.get(raw, "unknown")
        elif name in _BITS:
            fields.update(_BITS[name](raw))
        else:
            fields[name] = raw if divisor == 1 else raw / divisor


def _sound(raw: bytes) -> dict[str, object]:
    weighting, momentary, mean, highest = _SOUND.unpack(raw)
    frequency, time = weighting & 3, weighting >> 2 & 3
    if frequency >= len(_BY_FREQUENCY) or time >= len(_BY_TIME):
        raise refusal(f"a sound weighted {weighting:#04x} is unknown")
    by_frequency = f"L{_BY_FREQUENCY[frequency]}"
    by_time = by_frequency + tuple(_BY_TIME)[time]
    return {by_time: momentary / 10, f"{by_frequency}eq": mean / 10, f"{by_time}max": highest / 10}


def with_fill_level(fields: dict[str, object], names: Names) -> dict[str, object]:  # noqa: ARG001 -- the contract
    """Say how full a bin is beside how much of it is free, percent."""
    free = fields.get("remaining")
    if isinstance(free, NUMBER):
        fields["fill_level"] = 100 - free
    return fields


_BITS: Final[Mapping[str, Callable[[Any], dict[str, object]]]] = MappingProxyType(
    {
        "current_alarm": lambda raw: {
            "current_alarm": {name: YES_NO[raw >> bit & 1] for bit, name in enumerate(CURRENT_ALARMS)}
        },
        "motion": lambda raw: {"motion_status": MOTION[raw & 3]},
        "motion_status": lambda raw: {
            "motion_status": MOTION[raw & 3],
            "geofence_status": GEOFENCE[raw >> 4 & 3],
        },
        "sound": _sound,
    }
)
"""Parts that are made of bits."""


_KINDS: Final = (
    ("cargo", ("em300", "em300-th", "em300-sld", "em300-mcs", "em300-di", "em500-pt100")),
    ("air_quality", ("", "em500-co2", "am100", "am300")),
    ("weather", ("em500-lgt", "em500-smtc", "em310-tilt")),
    ("water_level", ("em310-udl", "em400", "em500-swl", "em500-udl")),
    ("container", ("at101",)),
    ("energy_meter", ("ct101",)),
    ("waste_bin", ("ws201",)),
    ("dock", ("ws301",)),
    ("noise", ("ws302",)),
)
"""Kind to families; the one without a name reads the channels of any."""


def _codec(family: str, kind: str) -> Codec:
    names = AM100_NAMES if family == "am100" else NAMES
    return Codec(decoder(family), names, kind, states=STATES, tidy=with_fill_level if family == "ws201" else None)


CODECS: Final[Mapping[str, Codec]] = MappingProxyType(
    {f"milesight-{family}".rstrip("-"): _codec(family, kind) for kind, families in _KINDS for family in families}
)
