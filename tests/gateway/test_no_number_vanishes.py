"""Every numeric leaf of a payload is in the readings, in a named list of no measurements, or in the rest."""

import copy
import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from city.errors import Malformed
from gateway.decoders import (
    DECODERS,
    Context,
    Decoded,
    chirpstack,
    ngsi,
    osmand,
    owntracks,
    shelly,
    tasmota,
    ttn,
    zigbee2mqtt,
)
from gateway.decoders.leaves import is_measured
from gateway.decoders.lorawan.codecs import CODECS
from gateway.decoders.lorawan.fields import UNKNOWN
from gateway.decoders.ngsi import no_measurement
from support import cases

FAMILIES: Final = tuple(sorted(set(DECODERS) - {"teltonika", "sparkplug"}))
"""Those whose payloads are JSON; the two others have tests of their own frames."""

_CODECS: Final = {
    name
    for codec in (*CODECS.values(), UNKNOWN)
    for name in (*(key for key, row in codec.names.items() if row.quantity is None), *codec.absent, *codec.states)
}
_LORAWAN: Final = {"object.history.timestamp", *_CODECS}


def _raw(struct: type[msgspec.Struct]) -> set[str]:
    return {one.name for one in msgspec.structs.fields(struct) if one.type is msgspec.Raw}


NAMED: Final[dict[str, set[str]]] = {
    "chirpstack": _LORAWAN | _raw(chirpstack._Event) | {"deviceInfo", "rxInfo", "fPort", "time", "batteryLevel",
    "batteryLevelUnavailable", "externalPowerSource"},
    "mapped": {"lat", "long"},  # of an item that says that it has no values
    "native": set(),
    "ngsi": {
        *no_measurement.NO_MEASUREMENT,
        *no_measurement.NO_MEASUREMENT_OF_AN_ATTRIBUTE - {"value", "object"},
        *ngsi._OF_A_NOTIFICATION,
        *ngsi._NO_ATTRIBUTES,
        "laneId", "reliability", "measurementInterval", "onlyPositive",
    },
    "osmand": {
        *osmand._NO_MEASUREMENT,
        *osmand._NO_MEASUREMENT_OF_A_MESSAGE,
        *(f"location.{path}" for path in osmand._NO_MEASUREMENT_OF_A_LOCATION),
    },
    "owntracks": set(owntracks._NO_MEASUREMENT),
    "senml": {"bver"},
    "shelly": {
        *shelly._NO_MEASUREMENT_OF_ANY,
        *shelly._ENVELOPE,
        *(f"{component}.{name}" for component, names in shelly._NO_MEASUREMENT.items() for name in names),
    },
    "tasmota": {
        *tasmota._NO_MEASUREMENT,
        *tasmota._NO_MEASUREMENT_OF_A_SENSOR,
        *(f"Wifi.{name}" for name in tasmota._NO_MEASUREMENT_OF_WIFI),
    },
    "ttn": _LORAWAN
    | _raw(ttn._Up)
    | _raw(ttn._Message)
    | {"end_device_ids", "rx_metadata", "version_ids", "locations", "f_port", "received_at"},
    "zigbee2mqtt": {*zigbee2mqtt._SETTINGS, "illuminance"},  # raw, where lux stand beside it
}  # fmt: skip
"""Keys that a family knows to be no measurement; a key holds all that is below it."""

Place = tuple[str | int, ...]


def leaves(thing: Any, at: Place = ()) -> Iterator[Place]:
    """Give where numbers, truths and what spells them stand."""
    if isinstance(thing, dict):
        for key, part in thing.items():
            yield from leaves(part, (*at, key))
    elif isinstance(thing, list):
        for place, part in enumerate(thing):
            yield from leaves(part, (*at, place))
    elif is_measured(thing):
        yield at


def holder(document: Any, place: Place) -> Any:
    for key in place[:-1]:
        document = document[key]
    return document


def answer(family: str, document: Any, context: Context) -> Decoded | None:
    try:
        return DECODERS[family](json.dumps(document).encode(), context)
    except Malformed:
        return None


def path_of(place: Place) -> str:
    return ".".join(str(key) for key in place if isinstance(key, str))


def is_named(family: str, place: Place) -> bool:
    """Whether a key of the place, or a row of them, is in the family's list."""
    keys = [key.partition(":")[0] if family == "shelly" else key for key in place if isinstance(key, str)]
    rows = (".".join(keys[first:last]) for first in range(len(keys)) for last in range(first + 1, len(keys) + 1))
    return not NAMED[family].isdisjoint(rows)


def is_told(place: Place, unread: Sequence[str]) -> bool:
    """Whether a leaf is in the rest; decoders name a path from where they begin to read, or join it to one name.

    Channels (`gpsLocation.1.longitude`) are left out, as the plain one of them is named without.
    """
    full = _flat(path_of(place))
    return any(full.endswith(_flat(path)) or _flat(path).endswith(f"_{full}") for path in unread)


def _flat(path: str) -> str:
    return "_".join(key for key in re.split(r"[._]", path) if key != "value" and not key.isdigit())


def outcome(decoded: Decoded | None) -> Any:
    """Give all that a change of one leaf may change, so that a leaf that changes it was read."""
    if decoded is None:
        return None
    readings = [(r.device, r.kind, r.time_ns, r.values, r.lat, r.lon) for r in decoded.readings]
    return readings, list(decoded.rest.refused)


def other(value: Any) -> list[Any]:
    """Give values of the same form that a reading can't take for equal."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, str):
        spelled = value.strip().lower()
        return {
            "on": ["OFF", "off"],
            "off": ["ON", "on"],
            "true": ["false"],
            "false": ["true"],
            "open": ["closed"],
            "closed": ["open"],
        }.get(spelled, [f"{number}" for number in (1, 17)])
    return [value + 1, value - 1, value / 2 + 3, 7, 100]


def vanished(family: str, document: Any, context: Context) -> list[str]:
    """Give the numeric leaves that nothing tells: not read, not in the rest, and not in the family's lists."""
    decoded = answer(family, document, context)
    if decoded is None or decoded.rest.refused:
        return []
    before, lost = outcome(decoded), []
    for place in leaves(document):
        if is_named(family, place) or is_told(place, decoded.rest.unread):
            continue
        changed = copy.deepcopy(document)
        parent = holder(changed, place)
        key = place[-1] if place else None
        if key is None:
            lost.append("")
            continue
        for value in other(parent[key]):
            parent[key] = value
            if outcome(answer(family, changed, context)) != before:
                break
        else:
            lost.append(path_of(place))
    return lost


def samples(family: str) -> list[tuple[str, Any, Context]]:
    """Give the frames of a family that bring readings."""
    found = []
    for case in (cases.load(folder) for folder in cases.folders() if folder.parent.name == family):
        try:
            document = json.loads(case.payload)
        except ValueError:
            continue
        decoded = answer(family, document, case.context())
        if decoded is not None and decoded.readings:
            found.append((case.name, document, case.context()))
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_every_number_of_a_frame_is_read_or_named_or_told(family: str) -> None:
    found = samples(family)
    assert found
    lost = {name: gone for name, document, context in found if (gone := vanished(family, document, context))}
    assert not lost


def _renamed(document: Any, place: Place, _: str) -> None:
    parent, key = holder(document, place), place[-1]
    if isinstance(parent, dict):
        items = [(f"{name}_2" if name == key else name, part) for name, part in parent.items()]
        parent.clear()
        parent.update(items)


def _wrapped(document: Any, place: Place, name: str) -> None:
    holder(document, place)[place[-1]] = {name: holder(document, place)[place[-1]]}


def _listed(document: Any, place: Place, _: str) -> None:
    holder(document, place)[place[-1]] = [holder(document, place)[place[-1]]]


def _spelled(document: Any, place: Place, _: str) -> None:
    value = holder(document, place)[place[-1]]
    if not isinstance(value, str):
        holder(document, place)[place[-1]] = str(value)


def _added(document: Any, place: Place, name: str) -> None:
    parent = holder(document, place)
    if isinstance(parent, dict):
        parent[f"added_{name}x"] = [{"type": "x", "measurementValue": 21.5}, "60"]


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_no_number_vanishes_when_a_device_renames_or_wraps_or_spells_it(family: str, data: st.DataObject) -> None:
    _, original, context = data.draw(st.sampled_from(samples_of[family]))
    document = copy.deepcopy(original)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.sampled_from([*leaves(document)] or [()]))
        depth = data.draw(st.integers(1, max(1, len(place))))
        if place:
            change: Callable[[Any, Place, str], None] = data.draw(
                st.sampled_from([_renamed, _wrapped, _listed, _spelled, _added])
            )
            change(document, place[:depth], data.draw(st.sampled_from(["value", "val", "data", "x"])))
    assert vanished(family, document, context) == []


samples_of: Final = {family: samples(family) for family in FAMILIES}


@pytest.mark.parametrize(("family", "file"), [("chirpstack", "chirpstack_v4_events"), ("ttn", "ttn_v3_uplinks")])
def test_every_number_of_recorded_uplinks_is_read_or_named_or_told(shared_data: Path, family: str, file: str) -> None:
    read = 0
    for vector in json.loads((shared_data / f"payloads/{file}.json").read_text("utf-8"))["vectors"]:
        decoded = answer(family, vector["payload"], Context(cases.RECEIVED_NS, "d"))
        if decoded is not None and decoded.readings:
            assert vanished(family, vector["payload"], Context(cases.RECEIVED_NS, "d")) == [], vector["name"]
            read += 1
    assert read


def test_every_number_of_the_smart_data_models_is_read_or_named_or_told(shared_data: Path) -> None:
    read = 0
    for file in sorted((shared_data / "ngsi").rglob("*.json")):
        document = json.loads(file.read_text("utf-8"))
        decoded = answer("ngsi", document, Context(cases.RECEIVED_NS))
        if decoded is not None and decoded.readings:
            assert vanished("ngsi", document, Context(cases.RECEIVED_NS)) == [], str(file)
            read += 1
    assert read


def test_every_number_of_recorded_home_devices_is_read_or_named_or_told(shared_data: Path) -> None:
    recorded = json.loads((shared_data / "payloads/home_iot_mqtt_payloads.json").read_text("utf-8"))
    for family, key in (("zigbee2mqtt", "zigbee2mqtt"), ("tasmota", "tasmota"), ("shelly", "shelly_gen2")):
        for vector in (one for one in recorded[key] if "payload" in one):
            context = Context(cases.RECEIVED_NS, "d", parameters={"topic": vector.get("topic", "")})
            decoded = answer(family, vector["payload"], context)
            if decoded is not None and decoded.readings:
                assert vanished(family, vector["payload"], context) == [], vector
