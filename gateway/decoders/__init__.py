"""What bytes mean: one pure module a family, and the table of their names.

Add a family: a module with `decode(payload, context)`, a row here, captured frames beside its test.
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
from gateway.decoders.decoder import Context, Decode, DecodeError, Origin, checked, decoder

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

__all__ = [
    "DECODERS",
    "Context",
    "DecodeError",
    "Origin",
    "checked",
]
