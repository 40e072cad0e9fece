"""Direct payloads: one JSON object or an array of at most 1,000, strict.

`{"ts": 1764900000000, "values": {"pm2_5": 18.2}, "lat": 14.97, "lon": 102.10}`
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final, TypeAlias, TypeVar

import msgspec

from city.errors import Malformed, Reason
from city.reading import FIRST_NS, LAST_NS, Reading, checked_quantity

MAX_BYTES: Final = 256 * 1024
MAX_READINGS: Final = 1_000
MAX_VALUES: Final = 64
"""Values in one reading: a device with more has several kinds."""

MARK: Final = b"\xef\xbb\xbf"
"""What some programs put before UTF-8."""

_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
_NS_PER_MS: Final = 1_000_000
_POLE: Final = 90.0
_DATE_LINE: Final = 180.0
_RFC_3339: Final = re.compile(r"(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

T = TypeVar("T")


class Row(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One object of a direct payload, as it stands on the wire."""

    values: dict[str, float | bool]
    ts: int | str | msgspec.UnsetType = msgspec.UNSET
    lat: float | msgspec.UnsetType = msgspec.UNSET
    lon: float | msgspec.UnsetType = msgspec.UNSET


_decoder: Final = msgspec.json.Decoder(Row | list[Row])
_items: Final = msgspec.json.Decoder(list[msgspec.Raw])
_encoder: Final = msgspec.json.Encoder()
_known_keys: Final[set[str]] = set()
_MAX_KNOWN: Final = 10_000


def decode(payload: bytes, *, kind: str, device: str, received_ns: int) -> list[Reading]:
    """Understand a direct payload.

    Args:
        payload: The bytes of the MQTT message.
        kind: Kind of the topic.
        device: Device of the topic.
        received_ns: Time of receipt, which stands in for an absent `ts`; nanoseconds UTC.

    Raises:
        Malformed: With the reason from the bounded list; the whole payload counts as one.
    """
    decoded = load(payload, _decoder)
    rows = decoded if isinstance(decoded, list) else [decoded]
    if not 0 < len(rows) <= MAX_READINGS:
        reason = Reason.TOO_MANY_READINGS if rows else Reason.EMPTY
        raise Malformed(reason, f"{len(rows)} readings; from 1 to {MAX_READINGS} are allowed")
    if b"true" in payload or b"false" in payload:
        spell_booleans(rows)
    readings = [to_reading(row, kind, device, received_ns) for row in rows]
    refuse_repeated_keys(payload, rows)
    return apart(readings, received_ns)


def apart(readings: list[Reading], received_ns: int) -> list[Reading]:
    """Give rows without a time of their own, which all have that of receipt, instants of their own.

    The first of a device and kind keeps the time of receipt, each other comes a nanosecond behind the one before it: so
    none overwrites another, and the same bytes with the same time of receipt give the same instants. Portions of what
    one reading can't hold (`MAX_VALUES`) stay together.

    Args:
        readings: Of one payload.
        received_ns: Its time of receipt, nanoseconds UTC.
    """
    if sum(reading.time_ns == received_ns for reading in readings) <= 1:
        return readings
    made: list[Reading] = []
    last: dict[tuple[str, str], Reading] = {}
    for reading in readings:
        if reading.time_ns != received_ns:
            made.append(reading)
            continue
        before = last.get((reading.device, reading.kind))
        time_ns = received_ns
        if before is not None:
            goes_on = len(before.values) == MAX_VALUES and before.values.keys().isdisjoint(reading.values)
            time_ns = before.time_ns if goes_on else before.time_ns + 1
        placed = reading if time_ns == received_ns else msgspec.structs.replace(reading, time_ns=time_ns)
        last[reading.device, reading.kind] = placed
        made.append(placed)
    return made


def has_time_of_receipt(reading: Reading, received_ns: int) -> bool:
    """Say whether a row of a payload brought no time of its own, and has what `apart` gave it."""
    return 0 <= reading.time_ns - received_ns < MAX_READINGS


def items_of(payload: bytes, max_items: int = MAX_READINGS) -> list[bytes]:
    """Cut an array into the bytes of its items, so that a bad one can be refused alone.

    Returns:
        Nothing where there is no array of at least two, or too large a one: it is refused whole.
    """
    try:
        items = load(payload, _items)
    except Malformed:
        return []
    return [bytes(item) for item in items] if 1 < len(items) <= max_items else []


def joined(items: Iterable[bytes]) -> bytes:
    """Write an array of items."""
    return b"[" + b",".join(items) + b"]"


def encode(readings: list[Reading]) -> bytes:
    """Write readings of one device as the canonical direct payload: an object, or an array of several."""
    rows = [
        {"ts": _spell(r.time_ns), "values": r.values}
        | ({} if r.lat is None or r.lon is None else {"lat": r.lat, "lon": r.lon})
        for r in readings
    ]
    return _encoder.encode(rows[0] if len(rows) == 1 else rows)


def load(payload: bytes, decoder: msgspec.json.Decoder[T], max_bytes: int = MAX_BYTES) -> T:
    """Decode strict JSON, also behind the byte order mark of UTF-8, with our reasons for msgspec's errors.

    Raises:
        Malformed: The payload is too large, empty, no UTF-8, no JSON, or of another shape.
    """
    if len(payload) > max_bytes:
        raise Malformed(Reason.TOO_LARGE, f"{len(payload)} bytes; at most {max_bytes}")
    try:
        return decoder.decode(payload)
    except msgspec.ValidationError as error:
        raise Malformed(_reason(str(error)), str(error)) from None
    except UnicodeDecodeError as error:
        refuse_utf_16(payload)
        raise Malformed(Reason.NOT_UTF8, str(error)) from None
    except (msgspec.DecodeError, RecursionError) as error:
        if payload.startswith(MARK):
            return load(payload.removeprefix(MARK), decoder, max_bytes)
        if not payload.strip():
            raise Malformed(Reason.EMPTY, "no payload") from None
        refuse_utf_16(payload)
        raise Malformed(_unreadable(payload), str(error)) from None


def refuse_utf_16(payload: bytes) -> None:
    """Say so where text is UTF-16, with or without its mark: each second byte of its ASCII is zero.

    Raises:
        Malformed: `not_utf8`.
    """
    if payload[:2] in _UTF_16 or (len(payload) > 1 and not (payload[0] and payload[1])):
        raise Malformed(Reason.NOT_UTF8, "it is UTF-16; only UTF-8 is read")


def spell_booleans(rows: Iterable[Row]) -> None:
    """Turn true and false into 1.0 and 0.0; asked for once a payload, because it's rare."""
    for row in rows:
        row.values = {key: float(value) for key, value in row.values.items()}


def to_reading(row: Row, kind: str, device: str, received_ns: int) -> Reading:
    """Check one row and make it a reading.

    Raises:
        Malformed: `no_values`, `bad_quantity`, `bad_time` or `bad_position`.
    """
    values = row.values
    if not 0 < len(values) <= MAX_VALUES:
        raise Malformed(Reason.NO_VALUES, f"{len(values)} values; from 1 to {MAX_VALUES} are allowed")
    if not _known_keys.issuperset(values):
        _learn(values)
    time_ns = received_ns if row.ts is msgspec.UNSET else to_time_ns(row.ts)
    if row.lat is msgspec.UNSET and row.lon is msgspec.UNSET:
        return Reading(device, kind, time_ns, values)
    lat, lon = to_position(row.lat, row.lon)
    return Reading(device, kind, time_ns, values, lat, lon)


def to_time_ns(ts: int | str) -> int:
    """Read Unix milliseconds, or an RFC 3339 string with an offset, as nanoseconds UTC.

    Raises:
        Malformed: `bad_time`.
    """
    time_ns = ts * _NS_PER_MS if isinstance(ts, int) else _parsed_ns(ts)
    if not FIRST_NS <= time_ns < LAST_NS:
        raise Malformed(Reason.BAD_TIME, f"{str(ts)[:80]} is outside 2000 to 2100")
    return time_ns


Position: TypeAlias = tuple[float, float] | tuple[None, None]
"""Degrees north and east (WGS 84), or what a receiver without a fix says."""


def to_position(lat: float | msgspec.UnsetType, lon: float | msgspec.UnsetType) -> Position:
    """Check that a position is whole and on the globe; exactly 0, 0, which receivers without a fix say, is none.

    Raises:
        Malformed: `bad_position`.
    """
    if isinstance(lat, msgspec.UnsetType) or isinstance(lon, msgspec.UnsetType):
        raise Malformed(Reason.BAD_POSITION, "lat and lon come together or not at all")
    if abs(lat) > _POLE or abs(lon) > _DATE_LINE:
        raise Malformed(Reason.BAD_POSITION, f"{lat}, {lon} is not on the globe")
    return (lat, lon) if lat or lon else (None, None)


def refuse_repeated_keys(payload: bytes, rows: Sequence[Row], extra: int = 0) -> None:
    """Find repeated keys, which the decoder lets pass silently, by counting colons.

    A well-formed quantity key holds no colon, so every colon stands behind a key or inside a string field.

    Args:
        payload: The JSON text.
        rows: What was decoded from it.
        extra: Colons of fields that a format has beyond those of `Row`.

    Raises:
        Malformed: `duplicate_key`.
    """
    colons = _colons(rows[0]) if len(rows) == 1 else sum(map(_colons, rows))
    if payload.count(b":") > colons + extra:
        raise Malformed(Reason.DUPLICATE_KEY, "a key stands twice in one object")


def _colons(row: Row) -> int:
    ts = row.ts
    colons = 1 + len(row.values)
    if ts is not msgspec.UNSET:
        colons += 1 + ts.count(":") if isinstance(ts, str) else 1
    return colons + (row.lat is not msgspec.UNSET) + (row.lon is not msgspec.UNSET)


def _parsed_ns(ts: str) -> int:
    match = _RFC_3339.fullmatch(ts)
    if match is None:
        raise Malformed(Reason.BAD_TIME, f"{ts[:80]!r} is not an RFC 3339 time with an offset")
    whole, fraction, offset = match.groups(default="")
    try:
        since = msgspec.convert(whole + offset, datetime) - _EPOCH
    except (msgspec.ValidationError, OverflowError):
        raise Malformed(Reason.BAD_TIME, f"{ts[:80]!r} is no such day or hour") from None
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + int(fraction.ljust(9, "0")[:9])


def _learn(values: dict[str, float | bool]) -> None:
    # what passed once is remembered, so that the pattern runs once a key and not once a reading
    for key in values:
        checked_quantity(key)
        if len(_known_keys) < _MAX_KNOWN:
            _known_keys.add(key)


def _spell(time_ns: int) -> int | str:
    if time_ns % _NS_PER_MS == 0:
        return time_ns // _NS_PER_MS
    seconds, rest = divmod(time_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def _reason(sentence: str) -> Reason:
    if "missing required" in sentence:
        return Reason.MISSING_FIELD
    if "unknown field" in sentence:
        return Reason.UNKNOWN_FIELD
    return Reason.NOT_FINITE if "out of range" in sentence else Reason.WRONG_TYPE


def _unreadable(payload: bytes) -> Reason:
    try:
        payload.decode()
    except UnicodeDecodeError:
        return Reason.NOT_UTF8
    return Reason.NOT_FINITE if re.search(rb"\b(NaN|Infinity)\b", payload) else Reason.MALFORMED_JSON
