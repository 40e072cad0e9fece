"""What bytes mean: one pure module a family, and the table of their names.

Add a family: a module with `decode(payload, context, rest)`, a row here, captured frames beside its test.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

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
from gateway.decoders.decoder import Context, Decode, Decoded, DecodeError, Origin, decoder
from gateway.decoders.teltonika import session as teltonika_session
from gateway.decoders.tracker import TrackerProtocol

DECODERS: Final[Mapping[str, Decode]] = MappingProxyType(
    {
        "chirpstack": decoder(chirpstack.decode),
        "mapped": decoder(mapped.decode),
        "native": decoder(native.decode),
        "ngsi": decoder(ngsi.decode),
        "osmand": decoder(osmand.decode),
        "owntracks": decoder(owntracks.decode),
        "senml": decoder(senml.decode),
        "shelly": decoder(shelly.decode),
        "sparkplug": decoder(sparkplug.decode),
        "tasmota": decoder(tasmota.decode),
        "teltonika": decoder(teltonika.decode),
        "ttn": decoder(ttn.decode),
        "zigbee2mqtt": decoder(zigbee2mqtt.decode),
    }
)
"""Name in settings, URLs and origins to decoder; a decoder refuses bytes by `DecodeError` alone."""

TRACKER_PROTOCOLS: Final[Mapping[str, TrackerProtocol]] = MappingProxyType(
    {"teltonika": TrackerProtocol("teltonika", teltonika_session.TcpSession, teltonika_session.datagram)}
)
"""Name in settings to what the TCP and UDP inputs speak with a tracker."""

__all__ = [
    "DECODERS",
    "TRACKER_PROTOCOLS",
    "Context",
    "DecodeError",
    "Decoded",
    "Origin",
]
