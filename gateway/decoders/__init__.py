"""What bytes mean: one pure module a family, and the table of their names.

Add a family: a module with `decode(payload, context)`, a row here, captured frames beside its test.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from city.errors import Malformed, Reason
from city.reading import Reading
from city.wire.pack import Undecoded
from gateway.decoders import (
    chirpstack,
    mapped,
    native,
    ngsi,
    osmand,
    owntracks,
    senml,
    shelly,
    sparkplug,
    tasmota,
    teltonika,
    ttn,
    zigbee2mqtt,
)
from gateway.decoders.context import Context, Decode, DecodeError, checked
from gateway.decoders.origin import Origin, parse

DECODERS: Final[Mapping[str, Decode]] = MappingProxyType(
    {
        "chirpstack": chirpstack.decode,
        "mapped": mapped.decode,
        "native": native.decode,
        "ngsi": ngsi.decode,
        "osmand": osmand.decode,
        "owntracks": owntracks.decode,
        "senml": senml.decode,
        "shelly": shelly.decode,
        "sparkplug": sparkplug.decode,
        "tasmota": tasmota.decode,
        "teltonika": teltonika.decode,
        "ttn": ttn.decode,
        "zigbee2mqtt": zigbee2mqtt.decode,
    }
)
"""Name in settings, URLs and origins to decoder."""

__all__ = [
    "DECODERS",
    "Context",
    "DecodeError",
    "Origin",
    "checked",
    "decode",
    "decode_origin",
    "parse",
    "understand",
]


def decode(came: Origin, payload: bytes, context: Context) -> list[Reading]:
    """Decode bytes by the decoder that their origin names; what comes out is not `checked` yet.

    Raises:
        Malformed: The decoder refuses them, or there is none of that name (`no_codec`).
    """
    work = DECODERS.get(came.decoder)
    if work is None:
        raise Malformed(Reason.NO_CODEC, f"there is no decoder {came.decoder[:80]!r}")
    try:
        return work(payload, context)
    except Malformed:
        raise
    except Exception as error:
        raise DecodeError(Reason.UNDECODED, f"{came.decoder} failed: {type(error).__name__}: {error}") from error


def decode_origin(origin: str, payload: bytes, received_ns: int) -> list[Reading]:
    """Decode bytes as they would be today, had they come this way.

    Args:
        origin: `Undecoded.source`: `link:decoder?key=value&...`.
        payload: The bytes.
        received_ns: When the gateway got them, nanoseconds UTC.

    Raises:
        Malformed: The decoder (still) refuses them, or there is none of that name (`no_codec`).
    """
    came = parse(origin)
    return checked(decode(came, payload, came.context(received_ns)))


def understand(came: Origin, payload: bytes, received_ns: int) -> tuple[list[Reading], list[Undecoded]]:
    """Decode what a link got; bytes that no decoder understands come back as one `Undecoded`."""
    source = str(came)
    try:
        return decode_origin(source, payload, received_ns), []
    except Malformed as error:
        return [], [Undecoded(source, payload, received_ns, str(error.reason), error.detail)]
