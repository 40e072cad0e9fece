"""What bytes mean: one pure module a family, and the table of their names.

Add a family: a module with `decode(payload, context)`, a row here, captured frames beside its test.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from city.errors import Malformed, Reason
from city.reading import Reading
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
from gateway.decoders.teltonika import session as teltonika_session
from gateway.decoders.tracker import TrackerProtocol

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

TRACKER_PROTOCOLS: Final[Mapping[str, TrackerProtocol]] = MappingProxyType(
    {"teltonika": TrackerProtocol("teltonika", teltonika_session.TcpSession, teltonika_session.datagram)}
)
"""Name in settings to what the TCP and UDP inputs speak with a tracker."""

__all__ = [
    "DECODERS",
    "TRACKER_PROTOCOLS",
    "Context",
    "DecodeError",
    "Origin",
    "checked",
    "decode",
    "parse",
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
