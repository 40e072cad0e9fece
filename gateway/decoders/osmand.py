"""OsmAnd's tracker protocol, which the Traccar client and many more speak: a query, or an object of JSON.

The query (https://www.traccar.org/osmand/) comes as the URL's or as a form in the body: `id=7&lat=14.97&lon=102.1`;
`timestamp` in Unix seconds, milliseconds, or ISO 8601 (UTC unless it says otherwise); `speed` in knots, `odometer` in
metres; `valid` says whether the position is one. The JSON has
`location` (one or a list) with `timestamp`, `coords` (speed in m/s), `battery.level` (from 0 to 1), `odometer` (m),
and `device_id`. Negative speed, heading, accuracy or battery says that it isn't known.

**Device**: `osmand-<id>`. A reading has a position, or values, or both; cells and Wi-Fi alone are refused, and so kept.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from city.errors import Malformed, Reason
from city.reading import Reading
from city.wire.direct import MARK, MAX_READINGS, MAX_VALUES, Position
from gateway.decoders.decoder import Context, DecodeError, Rest, known_kind
from gateway.decoders.fields import NOTHING, Meaning, Names, to_key, to_values
from gateway.decoders.json_fields import (
    ISO_UTC,
    as_object,
    foreign_device,
    from_iso,
    from_number,
    load_object,
    number,
    position,
    position_fix,
)
from gateway.decoders.leaves import NOTHING_KNOWN, unread

_QUERY: Final[Names] = MappingProxyType(
    {
        "accuracy": Meaning("position_accuracy", "m"),
        "altitude": Meaning("altitude", "m"),
        "batt": Meaning("battery", "%"),
        "battery": Meaning("battery", "%"),
        "bearing": Meaning("heading", "deg"),
        "charge": Meaning("charging"),
        "hacc": Meaning("position_accuracy", "m"),
        "heading": Meaning("heading", "deg"),
        "odometer": Meaning("odometer", "m"),
        "speed": Meaning("speed", "knot"),
        "deviceid": NOTHING,
        "driverUniqueId": NOTHING,
        "id": NOTHING,
        "lat": NOTHING,
        "lon": NOTHING,
        "timestamp": NOTHING,
        "vacc": NOTHING,
        "valid": NOTHING,
    }
)
_COORDS: Final[Names] = MappingProxyType(
    {
        "accuracy": Meaning("position_accuracy", "m"),
        "altitude": Meaning("altitude", "m"),
        "heading": Meaning("heading", "deg"),
        "speed": Meaning("speed", "m/s"),
    }
)
_BATTERY: Final[Names] = MappingProxyType({"level": Meaning("battery", "ratio"), "is_charging": Meaning("charging")})
_LOCATION: Final[Names] = MappingProxyType({"odometer": Meaning("odometer", "m"), "is_moving": Meaning("moving")})
_NO_MEASUREMENT: Final = frozenset(
    {"cell", "location", "wifi"} | {key for key, row in _QUERY.items() if row is NOTHING}
)
_NO_MEASUREMENT_OF_A_MESSAGE: Final = frozenset({"device_id"})
_NO_MEASUREMENT_OF_A_LOCATION: Final = frozenset(
    {
        "activity", "age", "coords.altitude_accuracy", "coords.ellipsoidal_altitude", "coords.floor",
        "coords.heading_accuracy", "coords.latitude", "coords.longitude", "coords.speed_accuracy", "event", "geofence",
        "is_heartbeat", "mock", "provider", "timestamp", "uuid",
    }
)  # fmt: skip
"""How sure the telephone is of what it says."""

_KNOWN_OF_A_LOCATION: Final = _NO_MEASUREMENT_OF_A_LOCATION.union(
    _LOCATION, (f"coords.{name}" for name in _COORDS), (f"battery.{name}" for name in _BATTERY)
)
_MAY_BE_NEGATIVE: Final = frozenset({"altitude"})
_OF_THE_LINK: Final = frozenset({"device", "kind", "topic"})
_INVALID: Final = frozenset({"false", "f", "0"})
_TRUTHS: Final = MappingProxyType({"true": 1.0, "false": 0.0})
_FIRST_MILLISECONDS: Final = 1e11
_MAX_FIELDS: Final = 200


def decode(payload: bytes, context: Context, rest: Rest) -> list[Reading]:
    """Understand a report; a `vehicle` unless the input names another kind.

    Raises:
        DecodeError: Neither a query nor JSON, no name of a device, or there is nothing in it that can be stored.
    """
    text = payload.strip()
    text = text.removeprefix(MARK)
    return _of_json(text, context, rest) if text.startswith(b"{") else [_of_query(text, context, rest)]


def _of_query(body: bytes, context: Context, rest: Rest) -> Reading:
    fields = {name: text for name, text in context.parameters.items() if name not in _OF_THE_LINK} | _form(body)
    if not fields:
        raise DecodeError(Reason.EMPTY, "neither a query nor a body")
    lat, lon = fields.get("lat"), fields.get("lon")
    if "location" in fields:
        lat, _, lon = fields["location"].partition(",")
    left: dict[str, object] = {}
    told = _measured({name: _TRUTHS.get(text, text) for name, text in fields.items()}, _QUERY, left)
    values = to_values(told, _QUERY)
    unread(left, _NO_MEASUREMENT, rest.unread)
    name = fields.get("id") or fields.get("deviceid")
    place = None if fields.get("valid", "").lower() in _INVALID else position(lat, lon)
    return _reading(context, name, fields.get("timestamp"), values, place)


def _form(body: bytes) -> dict[str, str]:
    query = body.removeprefix(b"/").removeprefix(b"?")
    if not query:
        return {}
    try:
        pairs = parse_qsl(
            query.decode(), keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=_MAX_FIELDS
        )
    except UnicodeDecodeError as error:
        raise DecodeError(Reason.NOT_UTF8, str(error)) from None
    except ValueError as error:
        raise DecodeError(Reason.WRONG_TYPE, f"neither a query nor JSON: {str(error)[:80]}") from None
    return dict(pairs)


def _of_json(text: bytes, context: Context, rest: Rest) -> list[Reading]:
    message = load_object(text)
    locations = message.get("location")
    rows = locations if isinstance(locations, list) else [locations]
    if len(rows) > MAX_READINGS:
        raise DecodeError(Reason.TOO_MANY_READINGS, f"{len(rows)} locations; at most {MAX_READINGS} are allowed")
    name = message.get("device_id")
    readings: list[Reading] = []
    about = {name: field for name, field in message.items() if name != "location"}
    for row in rows:
        try:
            location = as_object(row, "location")
            readings.append(_of_location(location, None if name is None else str(name), context, rest))
        except Malformed as error:
            if len(rows) == 1:
                raise
            rest.refuse(msgspec.json.encode(about | {"location": row}), error)
    unread(about, _NO_MEASUREMENT_OF_A_MESSAGE, rest.unread)
    return readings


def _of_location(location: dict[str, Any], name: str | None, context: Context, rest: Rest) -> Reading:
    extras = as_object(location.get("extras") or {}, "extras")
    if len(extras) > MAX_VALUES:
        raise DecodeError(Reason.NO_VALUES, f"{len(extras)} extras; at most {MAX_VALUES} values are allowed")
    coords = as_object(location.get("coords") or {}, "coords")
    left: dict[str, object] = {}
    values = to_values(_measured(extras, {}, left, "extras."), {}) if extras else {}
    for prefix, fields, names in (
        ("", location, _LOCATION),
        ("coords.", coords, _COORDS),
        ("battery.", as_object(location.get("battery") or {}, "battery"), _BATTERY),
    ):
        if fields and (known := {name: fields[name] for name in names if name in fields}):
            values |= to_values(_measured(known, names, left, prefix), names)
    place = position(coords.get("latitude"), coords.get("longitude"))
    reading = _reading(context, name, location.get("timestamp"), values, place)
    if left:
        unread(left, NOTHING_KNOWN, rest.unread, "location.")
    unread(location, _KNOWN_OF_A_LOCATION, rest.unread, "location.", ("extras",) if extras else ())
    return reading


def _measured(
    fields: Mapping[str, object], names: Names, left: dict[str, object], prefix: str = ""
) -> dict[str, float]:
    """Take the numbers that say something: what a table knows is negative only where nothing is known.

    What is no number, or has a name that makes no key, is `left`.
    """
    told: dict[str, float] = {}
    for name, field in fields.items():
        value = number(field)
        if value is None or (name not in names and to_key(name) is None):
            left[prefix + name] = field
        elif value >= 0 or name not in names or name in _MAY_BE_NEGATIVE:
            told[name] = value
    return told


def _reading(
    context: Context, name: str | None, stamp: object, values: dict[str, float], place: Position | None
) -> Reading:
    if not values and place is None:
        raise DecodeError(Reason.NO_VALUES, "neither a position nor a value")
    lat, lon = place or (None, None)
    return Reading(
        foreign_device(context, "osmand", name),
        known_kind(context.kind or "vehicle"),
        _time_ns(stamp, context),
        values or position_fix(place or (None, None)),
        lat,
        lon,
    )


def _time_ns(stamp: object, context: Context) -> int:
    if stamp is None or stamp == "":
        return context.received_ns
    unix = number(stamp)
    if unix is not None:
        return from_number(unix, 1000 if unix >= _FIRST_MILLISECONDS else 1)
    if not isinstance(stamp, str):
        raise DecodeError(Reason.BAD_TIME, "timestamp is neither a number nor a text")
    return from_iso(stamp, ISO_UTC)
