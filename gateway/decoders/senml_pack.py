"""SenML packs, JSON or CBOR, to resolved records (RFC 8428, sections 4 to 6)."""

import io
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import cbor2

from city.errors import Reason
from city.wire.direct import MARK, MAX_BYTES, refuse_utf_16
from gateway.decoders.decoder import DecodeError

MAX_RECORDS: Final = 5_000
_VERSION: Final = 10
_RELATIVE_BELOW: Final = 2**28
"""Times below are relative to now (section 4.5.3)."""

_LABELS: Final = {
    -6: "bs",
    -5: "bv",
    -4: "bu",
    -3: "bt",
    -2: "bn",
    -1: "bver",
    **dict(enumerate(("n", "u", "v", "vs", "vb", "s", "t", "ut", "vd"))),
}
"""CBOR's integer labels (section 6, table 4)."""

_BASES: Final = frozenset({"bver", "bn", "bt", "bu", "bv", "bs"})
_NUMBERS: Final = frozenset({"bt", "bv", "bs", "v", "s", "t", "ut"})
_NAMES: Final = frozenset({"bn", "n"})
_TEXTS: Final = frozenset({"bu", "u", "vs"})
_VALUES: Final = ("v", "vb", "vs", "vd")
LABELS: Final = _BASES | _NUMBERS | _NAMES | _TEXTS | frozenset(_VALUES)
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-:./_]*")
_LONGEST_NAME: Final = 256
"""Letters of `n`, and of `bn`, which stands before the name of each record that follows."""

_SELF_DESCRIBED: Final = b"\xd9\xd9\xf7"
_ARRAY_FIRST, _ARRAY_LAST = 0x80, 0x9F
_FRACTION: Final = 4
"""Tag of a decimal fraction, the one that SenML allows (section 6)."""

_MAY_NEST: Final = 8 * 1024
"""Bytes of a CBOR pack that may hold tags and lists: lists as keys of a map can be made to collide, in square time."""

_DEEP, _FLAT = 32, 2


class Record(NamedTuple):
    """A resolved record: no base fields, no relative time.

    Attributes:
        name: Full name.
        time_s: Seconds since 1970 UTC.
        value: What was measured: a number, a truth, a text or bytes (in JSON still base64url); None with a sum alone.
        unit: SenML unit; None if not given.
        total: The sum: the integral of the value over time.
        version: Base version of the pack.
    """

    name: str
    time_s: float
    value: float | bool | str | bytes | None
    unit: str | None = None
    total: float | None = None
    version: int = _VERSION


def parse(payload: bytes) -> list[dict[str, Any]]:
    """Read JSON or CBOR, which differ in their first byte, as records with textual labels.

    Raises:
        DecodeError: It is neither, or no array of maps. JSON may not repeat a label; in CBOR the last one counts.
    """
    if len(payload) > MAX_BYTES:
        raise DecodeError(Reason.TOO_LARGE, f"{len(payload)} bytes; at most {MAX_BYTES}")
    if not payload.strip():
        raise DecodeError(Reason.EMPTY, "no payload")
    body = payload.removeprefix(_SELF_DESCRIBED)
    binary = is_cbor(payload)
    records = _from_cbor(body) if binary else _from_json(payload)
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise DecodeError(Reason.WRONG_TYPE, "a SenML pack is an array of records")
    if not 0 < len(records) <= MAX_RECORDS:
        reason = Reason.TOO_MANY_READINGS if records else Reason.EMPTY
        raise DecodeError(reason, f"{len(records)} records; from 1 to {MAX_RECORDS} are allowed")
    return [_labelled(record) for record in records] if binary else records


def resolve(records: list[dict[str, Any]], received_ns: int) -> list[Record]:
    """Apply base fields and make times absolute, in the order of the pack (section 4.6 would sort by time).

    Args:
        records: As `parse` gives them.
        received_ns: Now, which relative times refer to; nanoseconds UTC.

    Raises:
        DecodeError: As `resolve_each`, and for the first bad record.
    """
    resolved = []
    for record, _ in resolve_each(records, received_ns):
        if isinstance(record, DecodeError):
            raise record
        resolved.append(record)
    return resolved


def resolve_each(
    records: list[dict[str, Any]], received_ns: int
) -> Iterator[tuple[Record | DecodeError, dict[str, Any]]]:
    """Resolve records one by one, each beside a record that says the same alone in a pack; or why it is bad.

    Raises:
        DecodeError: A base field is bad, on which all that follow rely: `pack_version`, `unknown_field` (a
            label ending in `_`), `wrong_type`, `not_finite`, `bad_device`
            (the name), `missing_field` (no value) or `bad_time`.
    """
    base: dict[str, Any] = {}
    for position, record in enumerate(records):
        if not _BASES.isdisjoint(record):
            own = {label: record[label] for label in _BASES & record.keys()}
            _check(own)
            version = base.get("bver", _VERSION)
            if position and own.get("bver", version) != version:
                raise DecodeError(Reason.PACK_VERSION, "bver changes within the pack")
            base |= own
        if not _BASES.issuperset(record):
            alone = base | record
            try:
                _check(record)
                yield _resolved(record, base, received_ns / 1e9), alone
            except DecodeError as error:
                yield error, alone


def _resolved(record: Mapping[str, Any], base: Mapping[str, Any], now_s: float) -> Record:
    name = base.get("bn", "") + record.get("n", "")
    if _NAME.fullmatch(name) is None:
        raise DecodeError(Reason.BAD_DEVICE, f"{name[:80]!r} is no SenML name")
    values = [label for label in _VALUES if label in record]
    total = record.get("s", 0) + base.get("bs", 0) if "s" in record or "bs" in base else None
    if len(values) > 1 or (not values and total is None):
        raise DecodeError(Reason.MISSING_FIELD, f"{name[:80]} has {len(values)} values; one is needed")
    value = record[values[0]] if values else None
    if values == ["v"]:
        value += base.get("bv", 0)
    time_s = record.get("t", 0) + base.get("bt", 0)
    if time_s < _RELATIVE_BELOW:
        time_s += now_s
    numbers = [number for number in (value, total, time_s) if isinstance(number, float)]
    if not all(map(math.isfinite, numbers)):
        raise DecodeError(Reason.NOT_FINITE, f"{name[:80]} adds up to no finite number")
    return Record(
        name, time_s, value, record.get("u", base.get("bu")), total, record.get("bver", base.get("bver", _VERSION))
    )


def _check(record: dict[str, Any]) -> None:
    """Check the types of one record's fields, and make its numbers floats."""
    for label, value in record.items():
        if label in _NUMBERS:
            record[label] = _number(label, value)
        elif label in _TEXTS:
            _check_type(label, value, str)
        elif label in _NAMES:
            _check_type(label, value, str)
            if len(value) > _LONGEST_NAME:
                raise DecodeError(Reason.BAD_DEVICE, f"{label} has {len(value)} letters; at most {_LONGEST_NAME}")
        elif label == "vb":
            _check_type(label, value, bool)
        elif label == "vd":
            _check_type(label, value, str | bytes)
        elif label == "bver":
            _check_version(value)
        elif str(label).endswith("_"):
            raise DecodeError(Reason.UNKNOWN_FIELD, f"{str(label)[:80]!r} must be understood, and isn't")


def _check_type(label: str, value: object, wanted: Any) -> None:
    if not isinstance(value, wanted):
        raise DecodeError(Reason.WRONG_TYPE, f"{label} is a {type(value).__name__}")


def _check_version(value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise DecodeError(Reason.WRONG_TYPE, "bver is no integer")
    if not 0 < value <= _VERSION:
        raise DecodeError(Reason.PACK_VERSION, f"bver is none of 1 to {_VERSION}")


def _number(label: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise DecodeError(Reason.WRONG_TYPE, f"{label} is a {type(value).__name__}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise DecodeError(Reason.NOT_FINITE, f"{label} is not finite")
    return number


def _from_json(payload: bytes) -> Any:
    try:
        text = payload.removeprefix(MARK).decode()
    except UnicodeDecodeError as error:
        refuse_utf_16(payload)
        raise DecodeError(Reason.NOT_UTF8, str(error)) from None
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        refuse_utf_16(payload)
        raise DecodeError(Reason.MALFORMED_JSON, str(error)) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        raise DecodeError(Reason.DUPLICATE_KEY, "a label stands twice in one record")
    return record


def _refuse_constant(text: str) -> None:
    raise DecodeError(Reason.NOT_FINITE, f"{text} is no JSON number")


class _Tags(dict[int, Callable[[Any, bool], float]]):
    """What makes something of each tag's content: nothing of most, which cost far more than their bytes."""

    def __missing__(self, tag: int) -> Callable[[Any, bool], float]:
        raise ValueError(f"tag {tag} has no place in a pack")


def _fraction(parts: Any, _: bool) -> float:  # noqa: FBT001 - as cbor2 calls it
    """Read a decimal fraction: exponent and mantissa, which without bignums have 64 bits."""
    match parts:
        case [int(exponent), int(mantissa)]:
            return float(f"{mantissa}e{exponent}")
    raise ValueError("no decimal fraction")


_TAGS: Final = _Tags({_FRACTION: _fraction})


def _from_cbor(body: bytes) -> Any:
    stream = io.BytesIO(body)
    depth = _DEEP if len(body) <= _MAY_NEST else _FLAT
    try:
        records = cbor2.load(stream, semantic_decoders=_TAGS, max_depth=depth)
    except Exception as error:  # noqa: BLE001 - whatever a broken text, a key that is none or a tag raises
        cause = error.__cause__ or error
        raise DecodeError(Reason.UNDECODED, f"no CBOR: {type(cause).__name__}: {str(cause)[:200]}") from None
    if stream.tell() < len(body):
        raise DecodeError(Reason.UNDECODED, f"{len(body) - stream.tell()} bytes after the CBOR pack")
    return records


def _labelled(record: Mapping[Any, Any]) -> dict[str, Any]:
    """Spell CBOR's integer labels; unknown ones, which need not be understood, by their number."""
    return {_LABELS.get(label, str(label)) if isinstance(label, int) else str(label): record[label] for label in record}


def is_cbor(payload: bytes) -> bool:
    """Tell CBOR from JSON by the first byte."""
    return payload.startswith(_SELF_DESCRIBED) or _ARRAY_FIRST <= payload[0] <= _ARRAY_LAST


def write(payload: bytes, records: list[dict[str, Any]]) -> bytes:
    """Write records as a pack in the format of the one that they came in."""
    return cbor2.dumps(records) if is_cbor(payload) else json.dumps(records).encode()
