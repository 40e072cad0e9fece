"""NGSI: entities of the Smart Data Models from a FIWARE context broker, and its notifications.

One entity, a list, or a notification (`{"data": [...]}`); NGSIv2 normalised, NGSI-LD or key-values. `models.py` lists
the types; entities of any other are refused with `unknown_kind`, and so kept.

**Device**: `ngsi-<type>-<id>`, because ids are unique only within a type: `urn:ngsi-ld:Streetlight:001` is
`ngsi-streetlight-001`. A time of observation in the id is left out, so that all observations of one type by one station
are of one device. **Time**: an attribute's own (`observedAt`, `timestamp`), else the entity's: the end
of `dateObserved`, its newest attribute, its last change. Times without an offset are UTC. **Units**: `unitCode`; else
the model's, or the catalog's for what the model lacks. Shares from 0 to 1 become percent; gases in mass become volume
at 25 °C and 1 atm. A vehicle that tells nothing but its `location` has a `position_fix`, at the location's time.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from city.catalog import QUANTITIES
from city.errors import Malformed, Reason
from city.reading import Reading
from city.units import UNITS, convert
from city.wire.direct import MAX_READINGS
from gateway.decoders.decoder import Context, DecodeError, Rest
from gateway.decoders.fields import NOTHING, NUMBER, Meaning, Names, apart, to_key
from gateway.decoders.json_fields import as_object, foreign_device, load_json, number, portions, position_fix
from gateway.decoders.kinds import kind_of
from gateway.decoders.leaves import NOTHING_KNOWN, unread
from gateway.decoders.ngsi.entity import Attribute, attributes, name_of, place_of, time_of, type_of
from gateway.decoders.ngsi.models import CONTROLLED, MODELS, MOLAR_MASS, MOLAR_VOLUME, UNIT_CODES, Model
from gateway.decoders.ngsi.no_measurement import NO_MEASUREMENT, NO_MEASUREMENT_OF_AN_ATTRIBUTE

__all__ = ["decode"]

_NO_ATTRIBUTES: Final = frozenset({"id", "type", "location", "@context", "@id", "@type"})
_MAX_ATTRIBUTES: Final = 500
_OF_A_NOTIFICATION: Final = frozenset({"@context", "id", "notifiedAt", "subscriptionId", "type"})
_VALUES: Final = frozenset({"value", "object"})
_PLAIN: Final = NO_MEASUREMENT_OF_AN_ATTRIBUTE | {"metadata"}
_EMPTY: Final[dict[str, object]] = {}
_WRAPPERS: Final = ("data", "entities")
_CIRCLE_DEG: Final = 360
_NEVER_NEGATIVE: Final = frozenset({"battery"})
_AS_THE_QUANTITY: Final = MappingProxyType(
    {("1", "%"): "ratio", ("dB", "dB[SPL]"): "dB[SPL]", ("dB", "dB[mW]"): "dB[mW]"}
)
"""Codes that leave open what the quantity tells: parts of what, decibels over what."""


def decode(payload: bytes, context: Context, rest: Rest) -> list[Reading]:
    """Understand entities.

    Raises:
        DecodeError: No entity, a type that no model stands for, or a unit, time or place that is none.
    """
    readings: list[Reading] = []
    entities = _entities(load_json(payload), rest)
    for entity in entities:
        try:
            readings += _readings(as_object(entity, "an entity"), context, rest)
        except Malformed as error:
            if len(entities) == 1:
                raise
            rest.refuse(msgspec.json.encode([entity]), error)
    if len(readings) > MAX_READINGS:
        raise DecodeError(Reason.TOO_MANY_READINGS, f"{len(readings)} readings; at most {MAX_READINGS} are allowed")
    return readings


def _entities(document: Any, rest: Rest) -> list[Any]:
    if isinstance(document, dict):
        wrapper = next((key for key in _WRAPPERS if isinstance(document.get(key), list)), None)
        if wrapper is None or type_of(document) in MODELS:
            return [document]
        unread(document, _OF_A_NOTIFICATION | {wrapper}, rest.unread)
        return list(document[wrapper])
    return document if isinstance(document, list) else [document]


def _readings(entity: Mapping[str, Any], context: Context, rest: Rest) -> list[Reading]:
    name = type_of(entity)
    model = MODELS.get(name)
    if model is None:
        raise DecodeError(Reason.UNKNOWN_KIND, f"no model is known for type {name[:80]!r}")
    if len(entity) > _MAX_ATTRIBUTES:
        raise DecodeError(Reason.TOO_MANY_READINGS, f"an entity of {len(entity)} attributes")
    attrs = attributes(entity)
    place = place_of(attrs)
    entity_ns = time_of(attrs, context.received_ns)
    moments: dict[int, dict[str, float]] = {}
    left: list[str] = []
    measurements = list(_measurements(attrs, model, left))
    keys = apart((row.name, row.quantity) for row in measurements)
    for row in measurements:
        moments.setdefault(entity_ns if row.time_ns is None else row.time_ns, {})[keys[row.name]] = row.value
    if not moments and place is not None and model.kind == "vehicle":
        moments[attrs["location"].time_ns or entity_ns] = position_fix(place)
    _add_about(entity, left)
    if not moments:
        rest.unread += left
        return []
    device = foreign_device(context, f"ngsi-{name.lower()}", name_of(entity, name))
    measured = [quantity for values in moments.values() for quantity in values]
    given = None if context.kind else model.kind
    kind = given or kind_of(context, [*measured, *_controlled(attrs)])
    made: list[Reading] = []
    for time_ns, values in moments.items():
        made += portions(device, kind, time_ns, values, *(place or (None, None)))
    rest.unread += left
    return made


class _Measurement(msgspec.Struct, frozen=True):
    """A value, what it measures, the attribute that said it, and its time if it has one."""

    name: str
    quantity: str
    value: float
    time_ns: int | None


def _add_about(entity: Mapping[str, Any], left: list[str]) -> None:
    """Add the numbers that stand beside the value of an attribute: properties of properties, metadata."""
    for name, given in entity.items():
        if not isinstance(given, dict) or (_PLAIN.issuperset(given) and given.get("metadata", _EMPTY) == _EMPTY):
            continue
        if not given.keys().isdisjoint(_VALUES):
            unread(given, NO_MEASUREMENT_OF_AN_ATTRIBUTE, left, f"{name}.")


def _measurements(attrs: Mapping[str, Attribute], model: Model, left: list[str]) -> Iterator[_Measurement]:
    for name, given in _parts(attrs):
        meaning = model.names.get(name.lower())
        if meaning is not None:
            value = _value(name, given, meaning, model)
        elif model.others and isinstance(given.value, NUMBER) and name not in NO_MEASUREMENT:
            meaning, value = Meaning(to_key(name)), number(given.value)
            value = None if value is None else _converted(value, meaning, given.unit_code)
        else:  # a text is a number only where the model says that a number stands there
            meaning, value = NOTHING, None
            if name not in NO_MEASUREMENT:
                unread({name: given.value}, NOTHING_KNOWN, left)
        if meaning.quantity is not None and value is not None:
            yield _Measurement(name, meaning.quantity, value, given.time_ns)
        elif meaning.quantity is not None and given.value is not None and number(given.value) is None:
            unread({name: given.value}, NOTHING_KNOWN, left)
    if model.kind is None and (found := list(_of_a_device(attrs))):
        left[:] = [name for name in left if name != "value"]
        yield from found


def _parts(attrs: Mapping[str, Attribute]) -> Iterator[tuple[str, Attribute]]:
    """All attributes; structured ones part by part (`current.L1`)."""
    for name, given in attrs.items():
        if name in _NO_ATTRIBUTES:
            continue
        if isinstance(given.value, dict):
            for part, value in given.value.items():
                yield f"{name}.{part}", Attribute(value, given.unit_code, given.time_ns)
        else:
            yield name, given


def _value(name: str, given: Attribute, meaning: Meaning, model: Model) -> float | None:
    states = model.states.get(name.lower())
    if states is not None:
        return states.get(given.value) if isinstance(given.value, str) else None
    value = number(given.value)
    if value is None or (value < 0 and meaning.quantity in _NEVER_NEGATIVE):
        return None
    if meaning.quantity == "rssi" and value >= 0 and not given.unit_code:
        return None  # a share of the best signal, as the older model has it
    if meaning.quantity == "wind_direction":
        value %= _CIRCLE_DEG
    return _converted(value, meaning, given.unit_code)


def _converted(value: float, meaning: Meaning, code: str) -> float:
    """Into the catalog's unit; by the code if there is one, for it knows more than the model."""
    row = QUANTITIES.get(meaning.quantity or "")
    if row is None:
        return value
    unit = UNIT_CODES.get(code, "") if code else meaning.unit or row.unit
    if not unit:
        raise DecodeError(Reason.BAD_QUANTITY, f"{row.key} has the unit code {code[:40]!r}, which isn't known")
    unit = _AS_THE_QUANTITY.get((unit, row.unit), unit)
    mass = MOLAR_MASS.get(row.key)
    if mass is not None and UNITS[unit].dimension == UNITS["ug/m3"].dimension:
        return convert(convert(value, unit, "ug/m3") * MOLAR_VOLUME / mass, "[ppb]", row.unit)
    return convert(value, unit, row.unit)


def _of_a_device(attrs: Mapping[str, Attribute]) -> Iterator[_Measurement]:
    """The value of a `Device` that measures one thing; which of several stands where, its model doesn't tell."""
    wanted = list(_properties(attrs))
    given = attrs.get("value")
    if len(wanted) != 1 or given is None or (value := number(given.value)) is None:
        return
    meaning = CONTROLLED.get(wanted[0].lower()) or Meaning(to_key(wanted[0]))
    if meaning.quantity is not None:
        value = _converted(value, meaning, given.unit_code)
        yield _Measurement("value", meaning.quantity, value, given.time_ns)


def _properties(attrs: Mapping[str, Attribute]) -> Iterator[str]:
    given = attrs["controlledProperty"].value if "controlledProperty" in attrs else None
    yield from (name for name in (given if isinstance(given, list) else [given]) if isinstance(name, str))


def _controlled(attrs: Mapping[str, Attribute]) -> Iterator[str]:
    names: Names = CONTROLLED
    for name in _properties(attrs):
        meaning = names.get(name.lower())
        if meaning is not None and meaning.quantity is not None:
            yield meaning.quantity
