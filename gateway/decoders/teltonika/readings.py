"""Records of a tracker as readings.

Each record is a reading of kind `vehicle` (or what the context says). Elements about the load (temperature and humidity
probes, a door) make a second one of kind `cargo`: same device, time and place. So the cold chain is where the catalog
has it, and a truck without probes has no cargo.

Which input is the door, the parameter `door` says (`din1`, `magnet`: see `io.DOORS`); without it there is none.

A record without a fix has no place, and none of what GNSS measures. Without a fix means: both degrees 0, impossible
degrees, or a speed of 255 km/h (older firmware's word for "unknown"). With 0 satellites the tracker gives the last
place it knew; that stays, but speed, heading and altitude do not count then.
"""

from typing import Final

from city.errors import Malformed, Reason
from city.reading import FIRST_NS, LAST_NS, Reading
from city.wire.direct import MAX_VALUES
from gateway.decoders.decoder import Context, DecodeError, Rest, given_id, known_kind
from gateway.decoders.json_fields import portions
from gateway.decoders.teltonika import frame, io

_NO_SPEED: Final = 255
_DEGREE: Final = 10_000_000
_POLE, _DATE_LINE = 90 * _DEGREE, 180 * _DEGREE
_NS: Final = 1_000_000


def decode(payload: bytes, context: Context, rest: Rest) -> list[Reading]:
    """Understand a whole TCP frame, with preamble and checksum, or a whole UDP datagram.

    The device is the context's, else `imei-<digits>` from the parameter `imei` or the datagram's header. Log-ins, pings
    and the codecs of commands have nothing to say.

    Raises:
        DecodeError: With the reason from the bounded list; a record that can't be is refused alone.
    """
    imei = context.parameters.get("imei")
    if payload[:4] == frame.PREAMBLE:
        body = frame.of_tcp(payload)
    elif not payload:
        raise DecodeError(Reason.EMPTY, "no bytes")
    elif not payload.strip(b"\xff"):
        return []
    elif _is_login(payload):
        frame.imei(payload[2:])
        return []
    else:
        header, body = frame.of_udp(payload)
        imei = imei or header.imei
    records = frame.records(body)
    if not records:
        return []
    device = given_id(context)
    if device is None and imei is None:
        raise DecodeError(Reason.MISSING_FIELD, "neither the frame nor the input tells the IMEI")
    device = device or context.ids(str(imei), "imei-")
    kind = known_kind(context.kind or "vehicle")
    door = context.parameters.get("door")
    readings: list[Reading] = []
    for place, record in enumerate(records):
        try:
            _add_readings(readings, record, device, kind, door, rest)
        except Malformed as error:
            rest.refuse(frame.alone(payload, place), error)
    return readings


def _add_readings(
    readings: list[Reading], record: frame.Record, device: str, kind: str, door: str | None, rest: Rest
) -> None:
    time_ns = record.time_ms * _NS
    if not FIRST_NS <= time_ns < LAST_NS:
        raise DecodeError(Reason.BAD_TIME, f"{record.time_ms} ms is outside 2000 to 2100")
    lat: float | None = record.lat / _DEGREE
    lon: float | None = record.lon / _DEGREE
    vehicle: dict[str, float] = {"satellites": float(record.satellites)}
    cargo: dict[str, float] = {}
    if not _has_fix(record):
        lat = lon = None
    elif record.satellites:
        vehicle["speed"] = float(record.speed)
        vehicle["heading"] = float(record.angle)
        vehicle["altitude"] = float(record.altitude)
    io.add_values(record, vehicle, cargo, rest.unread)
    if door in io.DOORS:
        state = vehicle.get(door, cargo.get(door))
        if state is not None:
            cargo["door_open"] = float(state == io.DOORS[door])
    for part, values in ((kind, vehicle), ("cargo", cargo)):
        if len(values) <= MAX_VALUES:
            if values:
                readings.append(Reading(device, part, time_ns, values, lat, lon))
        else:
            readings += portions(device, part, time_ns, values, lat, lon)


def _has_fix(record: frame.Record) -> bool:
    lat, lon = record.lat, record.lon
    return (
        bool(lat or lon) and -_POLE <= lat <= _POLE and -_DATE_LINE <= lon <= _DATE_LINE and record.speed != _NO_SPEED
    )


def _is_login(payload: bytes) -> bool:
    return len(payload) == 2 + frame.IMEI_DIGITS and payload[:2] == bytes((0, frame.IMEI_DIGITS))
