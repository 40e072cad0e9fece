"""Teltonika's IO elements: one table of what a number means, by its length.

A number means different things in different models, and its length tells some of them apart: element 113 of one byte is
the tracker's battery in percent, of four bytes something else. So a row counts only for elements of its length.

Source: Teltonika Telematics Wiki, "AVL ID" pages of FMB120, FMC130 and FMB640, and of the EYE sensors.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import compress
from operator import truediv
from typing import Final, NamedTuple

from gateway.decoders.teltonika.frame import Record


class Element(NamedTuple):
    """One IO element.

    Attributes:
        number: Its AVL id.
        width: Its bytes.
        quantity: What it measures; None: nothing that is kept (names of SIM cards, drivers' keys, modes).
        per: So many of its steps are one of the catalog's unit.
        signed: It may be negative.
        absent: Values, read unsigned, that say why there is none.
        of_cargo: It is about the load, not the vehicle.
    """

    number: int
    width: int
    quantity: str | None
    per: int = 1
    signed: bool = False
    absent: frozenset[int] = frozenset()
    of_cargo: bool = False


_DALLAS_ERRORS: Final = frozenset({850, 2000, 3000, 4000, 5000})
"""Sensor not ready, reading failed, not connected, wrong id; in tenths of a degree, so out of any sensor's range."""

_BLE_ERRORS: Final = frozenset({2000, 3000, 4000, 32765, 32766, 32767})
"""Reading failed, sensor not found, sensor in trouble: of old firmware, then of new. Hundredths of a degree, so an old
tracker's 20.00, 30.00 and 40.00 degrees can't be told from them; to leave those out is the lesser harm."""

_HUMIDITY_ERRORS: Final = frozenset({2000, 3000, 4000, 65533, 65534, 65535})


def _numbered(quantity: str, numbers: Iterable[int], row: Element) -> Iterable[Element]:
    """Rows of several equal sensors: `temperature`, `temperature_2`, ..."""
    for place, number in enumerate(numbers, 1):
        yield row._replace(number=number, quantity=quantity if place == 1 else f"{quantity}_{place}")


def _cargo(width: int, per: int, absent: frozenset[int], *, signed: bool = False) -> Element:
    return Element(0, width, "", per, signed, absent, of_cargo=True)


_ROWS: Final = (
    # the vehicle
    Element(239, 1, "ignition"),
    Element(240, 1, "movement"),
    Element(16, 4, "odometer", 1000),  # m
    Element(199, 4, "trip_distance", 1000),  # m
    Element(48, 1, "fuel_level", absent=frozenset({255})),  # OBD, %
    Element(89, 1, "fuel_level", absent=frozenset({255})),  # CAN adapter, %
    Element(84, 2, "fuel_volume", 10),  # CAN adapter, tenths of a litre
    Element(66, 2, "voltage", 1000),  # of the vehicle, mV
    Element(36, 2, "engine_speed"),  # OBD, rpm
    # inputs and outputs
    Element(1, 1, "din1"),
    Element(2, 1, "din2"),
    Element(3, 1, "din3"),
    Element(4, 1, "din4"),
    Element(179, 1, "dout1"),
    Element(180, 1, "dout2"),
    Element(9, 2, "analog_in1", 1000),  # mV
    Element(6, 2, "analog_in2", 1000),  # mV
    # the tracker
    Element(67, 2, "battery_voltage", 1000),  # mV
    Element(113, 1, "battery"),
    Element(21, 1, "gsm_signal"),  # 0 to 5
    Element(181, 2, "pdop", 10),
    Element(182, 2, "hdop", 10),
    # the load: 1-wire probes in tenths of a degree, Bluetooth sensors, EYE sensors
    *_numbered("temperature", (25, 26, 27, 28), _cargo(2, 100, _BLE_ERRORS, signed=True)),
    *_numbered("temperature", (10800, 10801, 10802, 10803), _cargo(2, 100, _BLE_ERRORS, signed=True)),
    *_numbered("temperature", (72, 73, 74, 75), _cargo(4, 10, _DALLAS_ERRORS, signed=True)),
    *_numbered("humidity", (86, 104, 106, 108), _cargo(2, 10, _HUMIDITY_ERRORS)),
    *_numbered("humidity", (10804, 10805, 10806, 10807), _cargo(1, 1, frozenset({255}))),
    *_numbered("magnet", (10808, 10809, 10810, 10811), _cargo(1, 1, frozenset({255}))),
    Element(
        29, 1, "sensor_battery", absent=frozenset({0}), of_cargo=True
    ),  # of the first Bluetooth sensor; 0: there is none
    # in the record's head already
    Element(24, 2, None),
    # modes of the tracker: data, sleep, GNSS
    *(Element(number, 1, None) for number in (69, 71, 80, 200)),
    # names of SIM cards, cells and networks, and of keys that drivers hold: no measurements
    *(Element(number, 8, None) for number in (11, 14, 62, 63, 64, 76, 78, 207, 238, 264)),
    *(Element(number, 2, None) for number in (205, 206)),
    *(Element(number, 4, None) for number in (205, 241)),
)

_LONGEST_NUMBER: Final = 8
"""Bytes."""

DOORS: Final = {"din1": 1.0, "din2": 1.0, "din3": 1.0, "din4": 1.0} | {
    "magnet": 0.0,
    "magnet_2": 0.0,
    "magnet_3": 0.0,
    "magnet_4": 0.0,
}
"""What the parameter `door` may name, and the value that means open: no magnet beside an EYE sensor is an open door."""

_TABLE: Final = {(row.width, row.number): row for row in _ROWS}
_RANK: Final = {row: rank for rank, row in enumerate(_TABLE.values())}


class _Layout(NamedTuple):
    """What the elements of a record mean, by their places.

    Attributes:
        is_plain: Of each place: the value is the vehicle's as it stands, but for its unit.
        names: Of the plain places: quantity keys.
        per: Of the plain places: steps of a unit.
        careful: Place, quantity key and row of the others: of the load, signed, or with values for "none".
    """

    is_plain: tuple[bool, ...]
    names: tuple[str, ...]
    per: tuple[int, ...]
    careful: tuple[tuple[int, str, Element], ...]


def _laid_out(counts: tuple[int, ...], numbers: tuple[int, ...]) -> _Layout:
    widths = (width for width, count in zip((1, 2, 4, 8), counts, strict=True) for _ in range(count))
    rows = [
        _TABLE.get((width, number)) or Element(number, width, f"io_{number}")
        for width, number in zip(widths, numbers, strict=True)
    ]
    names = _names(rows)
    plain = [row.quantity is not None and not (row.signed or row.absent or row.of_cargo) for row in rows]
    return _Layout(
        tuple(plain),
        tuple(compress(names, plain)),
        tuple(row.per for row in compress(rows, plain)),
        tuple((at, names[at], row) for at, row in enumerate(rows) if row.quantity is not None and not plain[at]),
    )


def _names(rows: Sequence[Element]) -> list[str]:
    """Name each element by its quantity; of several that measure one, only the first of the table.

    So a sensor that fails leaves its name to no other.
    """
    owners: dict[str | None, int] = {}
    for at in sorted(range(len(rows)), key=lambda at: _RANK.get(rows[at], 0)):
        owners.setdefault(rows[at].quantity, at)
    return [row.quantity or "" if owners[row.quantity] == at else f"io_{row.number}" for at, row in enumerate(rows)]


_known_layout: Final = lru_cache(maxsize=1024)(_laid_out)
_MAX_KEPT: Final = 128
"""IO elements of a layout that is kept; no tracker has more, and what strangers send takes little memory."""


_TEXTS: Final = frozenset({256, 264, 281, 325, 331, 332, 333, 334, 385, 387, 388, 500, 501, 502, 548, 702, 10829})
"""Elements of any length that hold names and lists: VIN, bar code, fault codes, texts of BLE sensors and beacons."""


def add_values(record: Record, vehicle: dict[str, float], cargo: dict[str, float], unread: list[str]) -> None:
    """Add what the IO elements of a record mean to the values of the vehicle and of its load.

    Unknown elements up to 8 bytes are `io_<number>`, and so are those whose quantity is another one's of this record
    (two sensors of one place). Of longer ones, those that hold texts and lists are
    left out, and the others unread. A tracker writes the same elements
    into every record, so their meaning is looked up once.
    """
    lay_out = _known_layout if len(record.numbers) <= _MAX_KEPT else _laid_out
    layout = lay_out(record.counts, record.numbers)
    vehicle.update(zip(layout.names, map(truediv, compress(record.values, layout.is_plain), layout.per), strict=True))
    for at, name, row in layout.careful:
        raw = record.values[at]
        if raw not in row.absent:
            full = 1 << row.width * 8
            value = raw - full if row.signed and raw >= full >> 1 else raw
            (cargo if row.of_cargo else vehicle)[name] = value / row.per
    for number, content in record.long.items():
        if 0 < len(content) <= _LONGEST_NUMBER:
            vehicle.setdefault(f"io_{number}", float(int.from_bytes(content)))
        elif content and number not in _TEXTS:
            unread.append(f"io_{number}")
