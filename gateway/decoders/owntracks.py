"""OwnTracks: the phone's position as JSON, over MQTT (`owntracks/<user>/<device>`) or HTTP.

Fields, units and types: https://owntracks.org/booklet/tech/json/. Only `location` speaks of a place that was reached;
way points, transitions, commands, cards and last wills are nothing to say. `encrypted` is refused, and so kept.

**Device**: `owntracks-<user>.<device>` of the topic (the input's, or the payload's own `topic` over HTTP); else
`owntracks-<tid>`, by the rule of `city.names`. A negative velocity, course, battery or
accuracy is the phone's way to say that it knows none.
"""

from types import MappingProxyType
from typing import Any, Final

from city.errors import Reason
from city.names import Name
from city.reading import Reading
from gateway.decoders.decoder import Context, DecodeError, Rest, known_kind
from gateway.decoders.fields import Meaning, Names, to_values
from gateway.decoders.json_fields import foreign_device, from_number, load_object, number, position, position_fix
from gateway.decoders.leaves import NOTHING_KNOWN, unread

_NAMES: Final[Names] = MappingProxyType(
    {
        "acc": Meaning("position_accuracy", "m"),
        "alt": Meaning("altitude", "m"),
        "batt": Meaning("battery", "%"),
        "cog": Meaning("heading", "deg"),
        "p": Meaning("pressure", "kPa"),
        "vel": Meaning("speed", "km/h"),
    }
)
_NEVER_NEGATIVE: Final = frozenset({"acc", "batt", "cog", "vel"})
_NOTHING_TO_SAY: Final = frozenset(
    {
        "beacon", "card", "cmd", "configuration", "dump", "lwt", "request", "status",
        "steps", "transition", "waypoint", "waypoints",
    }
)  # fmt: skip
_NO_MEASUREMENT: Final = frozenset(
    {
        "BSSID", "SSID", "_http", "_id", "_type", "bs", "conn", "created_at", "inregions", "inrids", "lat", "lon", "m",
        "motionactivities", "poi", "rad", "t", "tag", "tid", "topic", "tst", "vac",
    }
)  # fmt: skip
"""Of the phone, its regions, its network and its messages."""

_KNOWN: Final = _NO_MEASUREMENT.union(_NAMES)
_TOPIC_LEVELS: Final = 3


def decode(payload: bytes, context: Context, rest: Rest) -> list[Reading]:
    """Understand a message; a `vehicle` unless the input names another kind.

    Raises:
        DecodeError: No JSON object, no known `_type`, encrypted, or a location without place, time or device.
    """
    message = load_object(payload)
    kind = message.get("_type")
    if isinstance(kind, str) and kind in _NOTHING_TO_SAY:
        return []
    if kind != "location":
        reason = Reason.UNDECODED if kind == "encrypted" else Reason.MISSING_FIELD
        raise DecodeError(reason, f"_type is {str(kind)[:80]!r}, which is no location")
    return [_location(message, context, rest)]


def _location(message: dict[str, Any], context: Context, rest: Rest) -> Reading:
    place = position(message.get("lat"), message.get("lon"))
    if place is None:
        raise DecodeError(Reason.MISSING_FIELD, "a location without lat and lon")
    given: dict[str, float] = {}
    left: dict[str, object] = {}
    for name in _NAMES:
        value = number(message.get(name))
        if value is None:
            left[name] = message.get(name)
        elif value >= 0 or name not in _NEVER_NEGATIVE:
            given[name] = value
    unread(message, _KNOWN, rest.unread)
    if left:
        unread(left, NOTHING_KNOWN, rest.unread)
    return Reading(
        foreign_device(context, "owntracks", _name(message, context)),
        known_kind(context.kind or "vehicle"),
        _time_ns(message, context),
        to_values(given, _NAMES) or position_fix(place),
        *place,
    )


def _time_ns(message: dict[str, Any], context: Context) -> int:
    stamp = message.get("tst")
    if stamp is None:
        return context.received_ns
    seconds = number(stamp)
    if seconds is None:
        raise DecodeError(Reason.BAD_TIME, f"tst is {str(stamp)[:80]!r}, not Unix seconds")
    return from_number(seconds, 1)


def _name(message: dict[str, Any], context: Context) -> Name | None:
    for topic in (context.parameters.get("topic"), message.get("topic")):
        levels = topic.strip("/").split("/") if isinstance(topic, str) else []
        if len(levels) >= _TOPIC_LEVELS:
            return tuple(levels[1:_TOPIC_LEVELS])
    tid = message.get("tid")
    return (tid,) if isinstance(tid, str) and tid else None
