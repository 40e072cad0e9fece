"""Decentlab: one frame for all of its devices; what its words mean, a table a device (decentlab.com, "Decode payload").

    2 (1)  device id (2)  flags (2)  then, for each flag that is set, from the lowest on, a group of 16-bit words

The frame doesn't say the model, so each has a codec of its own: `decentlab-dl-atm22`.
"""

import math
from collections.abc import Callable, Mapping
from struct import Struct
from types import MappingProxyType
from typing import Final

from gateway.decoders.fields import NOTHING, Meaning, Names
from gateway.decoders.lorawan.codecs.codec import Codec, need, refusal
from gateway.decoders.lorawan.codecs.decentlab_air import AIR
from gateway.decoders.lorawan.codecs.decentlab_ground import GROUND
from gateway.decoders.lorawan.codecs.decentlab_model import Group, Model

_VERSION: Final = 2
_HEAD: Final = Struct(">BHH")

MODELS: Final[Mapping[str, Model]] = {**AIR, **GROUND}

NAMES: Final[Names] = {
    "protocol_version": NOTHING,
    "device_id": NOTHING,
    "sensor_id": NOTHING,
    "raw_ir_reading": NOTHING,
    "raw_ir_reading_lpf": NOTHING,
    "battery_voltage": Meaning("battery_voltage", "V"),
    "air_temperature": Meaning("temperature", "Cel"),
    "air_temperature_radiation_shield": Meaning("shielded_temperature", "Cel"),
    "temperature": Meaning("temperature", "Cel"),
    "air_humidity": Meaning("humidity", "%"),
    "air_humidity_radiation_shield": Meaning("shielded_humidity", "%"),
    "relative_humidity": Meaning("humidity", "%"),
    "dew_point": Meaning("dew_point", "Cel"),
    "barometric_pressure": Meaning("pressure", "Pa"),
    "atmospheric_pressure": Meaning("pressure", "kPa"),
    "wind_speed": Meaning("wind_speed", "m/s"),
    "wind_direction": Meaning("wind_direction", "deg"),
    "maximum_wind_speed": Meaning("wind_gust", "m/s"),
    "solar_radiation": Meaning("solar_radiation", "W/m2"),
    "total_solar_radiation": Meaning("solar_radiation", "W/m2"),
    "incoming_radiation": Meaning("solar_radiation", "W/m2"),
    "precipitation": Meaning("rain_amount", "mm"),
    "illuminance": Meaning("illuminance", "lx"),
    "pm1_mass_concentration": Meaning("pm1", "ug/m3"),
    "pm2_5_mass_concentration": Meaning("pm2_5", "ug/m3"),
    "pm10_mass_concentration": Meaning("pm10", "ug/m3"),
    "co2_concentration": Meaning("co2", "[ppm]"),
    "total_voc": Meaning("tvoc", "[ppb]"),
    "distance": Meaning("distance", "mm"),
    "distance_average": Meaning("distance", "mm"),
    "current": Meaning("current", "mA"),
    "voltage": Meaning("voltage", "V"),
}
"""Makers' names that all models share; a model's own come first. What is not here keeps its name and unit."""


def decoder(model: Model) -> Callable[[int, bytes], dict[str, object]]:
    """Make the reader of one model's frames.

    A group that the model's table lacks, because its formula is not published or depends on the piece, refuses the
    frame: where the next group begins can't be known then. Frames with the battery alone are read all the same.
    """

    def decode(port: int, payload: bytes) -> dict[str, object]:
        del port
        need(payload, _HEAD.size, "a Decentlab frame")
        version, device, flags = _HEAD.unpack_from(payload)
        if version != _VERSION:
            raise refusal(f"protocol version {version}, not {_VERSION}")
        if flags >> len(model.groups):
            raise refusal(f"flags {flags:#06x}, but this model has {len(model.groups)} groups")
        fields: dict[str, object] = {"protocol_version": version, "device_id": device}
        at = _HEAD.size
        for place, group in enumerate(model.groups):
            if flags >> place & 1:
                at = _add(fields, payload, at, group)
        if at != len(payload):
            raise refusal(f"{len(payload) - at} bytes behind the last group")
        return fields

    return decode


def _add(fields: dict[str, object], payload: bytes, at: int, group: Group | None) -> int:
    if group is None:
        raise refusal("a group of this model whose formula is not known")
    until = at + group.layout.size
    need(payload, until, "a frame with these flags")
    words = group.layout.unpack_from(payload, at)
    for name, formula in group.values.items():
        value = formula(words)
        if not math.isnan(value):
            fields[name] = value
    return until


CODECS: Final[Mapping[str, Codec]] = MappingProxyType(
    {
        f"decentlab-{name}": Codec(
            decoder(model), {**NAMES, **model.names}, model.kind, dallas=model.dallas, absent=model.absent
        )
        for name, model in MODELS.items()
    }
)
