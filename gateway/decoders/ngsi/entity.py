"""NGSI entities in their three spellings, as plain attributes with unit and time.

Normalised (`{"value": 1, "metadata": {"unitCode": {"value": "CEL"}}}`; FIWARE-NGSI v2 specification), NGSI-LD
(`{"type": "Property", "value": 1, "unitCode": "CEL", "observedAt": "..."}`; ETSI GS CIM 009) and key-values (`1`).
Geometry: GeoJSON (RFC 7946).
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec

from city.errors import Reason
from city.names import MAX_KEPT
from city.wire.direct import Position, to_position
from gateway.decoders.decoder import DecodeError
from gateway.decoders.json_fields import ISO_UTC, from_iso, number

_TIME_IN_ID: Final = re.compile(
    r"[-_:.]?\d{4}-\d\d-\d\d[T_]\d\d[:.]?\d\d[:.\d]*(?:Z|[+-]\d\d:?\d\d)?(?=$|[/_])", re.ASCII
)
_OBSERVED: Final = ("dateObserved", "dateObservedTo")
_MODIFIED: Final = (
    "TimeInstant",
    "dateObservedFrom",
    "dateLastValueReported",
    "dateModified",
    "modifiedAt",
    "notifiedAt",
)
_MAX_LETTERS: Final = 256
_MAX_CORNERS: Final = 2_000
_DEEPEST: Final = 4
_CIRCLE, _HALF = 360.0, 180.0


class Attribute(msgspec.Struct, frozen=True):
    """One attribute; `time_ns` is None and `unit_code` empty where it doesn't tell them."""

    value: Any
    unit_code: str = ""
    time_ns: int | None = None


def attribute(given: object) -> Attribute:
    """Read an attribute in any of the spellings.

    Raises:
        Malformed: `bad_time`: it has a time that is none.
    """
    if not isinstance(given, dict):
        return Attribute(given)
    value = given.get("value", given.get("object"))
    if value is None and "value" not in given:
        return Attribute(given)
    metadata = given.get("metadata")
    about: Mapping[str, Any] = given
    if isinstance(metadata, dict):
        about = {name: item.get("value") if isinstance(item, dict) else item for name, item in metadata.items()}
    code = about.get("unitCode")
    stamp = about.get("observedAt") or about.get("timestamp") or about.get("TimeInstant")
    if isinstance(value, dict) and "@value" in value:
        value = value["@value"]
    return Attribute(value, code if isinstance(code, str) else "", _instant(stamp) if isinstance(stamp, str) else None)


def attributes(entity: Mapping[str, Any]) -> dict[str, Attribute]:
    """Read all attributes; expanded names (`https://.../temperature`) become short.

    Raises:
        Malformed: `bad_time`: one has a time that is none.
    """
    return {_short(name): attribute(given) for name, given in entity.items() if name[:1] != "@"}


def type_of(entity: Mapping[str, Any]) -> str:
    """Give the short name of an entity's type; empty without one."""
    given = entity.get("type", entity.get("@type"))
    if not isinstance(given, str):
        return ""
    return given if given.isalnum() else re.split(r"[/#:]", given)[-1]


def name_of(entity: Mapping[str, Any], model: str) -> str:
    """Give what names the thing: its id, without `urn:ngsi-ld:<type>:` or `<type>:` and the time of the observation.

    `urn:ngsi-ld:Vehicle:1`, `Vehicle:1` and `1` are one `Vehicle`: in NGSI-LD, in NGSIv2, and without its type.

    Args:
        entity: Has the id.
        model: Short name of its type.

    Raises:
        DecodeError: `missing_field`: the entity has no id. `bad_device`: it is too long.
    """
    given = entity.get("id", entity.get("@id"))
    if not isinstance(given, str) or not given:
        raise DecodeError(Reason.MISSING_FIELD, "an entity without an id")
    if len(given) > _MAX_LETTERS:
        raise DecodeError(Reason.BAD_DEVICE, f"an id of {len(given)} characters; at most {_MAX_LETTERS}")
    return (_kept_name if len(given) <= MAX_KEPT else _name_of)(model, given)


def _name_of(model: str, given: str) -> str:
    own = given.removeprefix(f"urn:ngsi-ld:{model}:").removeprefix(f"{model}:") or given
    return _TIME_IN_ID.sub("", own) or own


_kept_name: Final = lru_cache(maxsize=4096)(_name_of)


def time_of(attrs: Mapping[str, Attribute], received_ns: int) -> int:
    """Say when an entity was observed: its own word (the end of an interval), its attributes', its last change.

    Raises:
        Malformed: `bad_time`.
    """
    for name in _OBSERVED:
        if name in attrs and isinstance(attrs[name].value, str):
            return _instant(attrs[name].value.rpartition("/")[2])
    times = [item.time_ns for item in attrs.values() if item.time_ns is not None]
    if times:
        return max(times)
    stamp = next(
        (attrs[name].value for name in _MODIFIED if name in attrs and isinstance(attrs[name].value, str)), None
    )
    return received_ns if stamp is None else _instant(stamp)


def place_of(attrs: Mapping[str, Attribute]) -> Position | None:
    """Give where an entity is: a point, or the middle of the corners of a line or an area.

    Raises:
        DecodeError: `bad_position`.
    """
    geometry = attrs["location"].value if "location" in attrs else None
    if isinstance(geometry, str):  # NGSIv2's geo:point
        lat, comma, lon = geometry.partition(",")
        pairs = [(number(lon), number(lat))] if comma else []
    elif isinstance(geometry, dict) and isinstance(geometry.get("coordinates"), list):
        pairs = list(_corners(geometry["coordinates"], _DEEPEST))
    else:
        return None
    corners = [(lon, lat) for lon, lat in dict.fromkeys(pairs) if lon is not None and lat is not None]
    if not 0 < len(corners) <= _MAX_CORNERS:
        raise DecodeError(Reason.BAD_POSITION, f"a location of {len(corners)} corners")
    return to_position(*_middle(corners))


def _middle(corners: list[tuple[float, float]]) -> tuple[float, float]:
    """Give the mean of (longitude, latitude) as (latitude, longitude).

    179 and -179 are two degrees apart, over the date line; what is off the globe stays so, to be refused.
    """
    if len(corners) == 1:
        return corners[0][1], corners[0][0]
    longitudes = [lon for lon, _ in corners]
    crosses = max(longitudes) - min(longitudes) > _HALF and max(map(abs, longitudes)) <= _HALF
    east = sum(lon + _CIRCLE if crosses and lon < 0 else lon for lon in longitudes) / len(corners)
    return sum(lat for _, lat in corners) / len(corners), east - _CIRCLE if crosses and east > _HALF else east


def _short(name: str) -> str:
    return name if name.isalnum() else re.split(r"[/#]", name)[-1]


def _corners(coordinates: list[Any], depth: int) -> Iterator[tuple[float | None, float | None]]:
    if coordinates and not isinstance(coordinates[0], list):
        yield (number(coordinates[0]), number(coordinates[1]) if len(coordinates) > 1 else None)
        return
    for part in coordinates if depth else ():
        if isinstance(part, list):
            yield from _corners(part, depth - 1)


def _instant(text: str) -> int:
    return from_iso(text, ISO_UTC)
