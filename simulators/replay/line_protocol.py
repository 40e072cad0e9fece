r"""A strict parser of InfluxDB's line protocol (https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/).

`measurement,tag=value field=1.5,other=2i,text="a \"word\"" 1764900000000000000`
"""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

Value = float | int | bool | str

_PRECISIONS: Final = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9}
# control characters have no place in names, escaped or not
_MEASUREMENT: Final = re.compile(r"(?:\\[ ,]|[^\x00-\x20\x7f,])+")
_KEY: Final = re.compile(r"(?:\\[ ,=]|[^\x00-\x20\x7f,=])+")
_STRING: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_BARE: Final = re.compile(r"[^ ,\r\n]*")
_INTEGER: Final = re.compile(r"(-?[0-9]+)([iu])")
_FLOAT: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_TIME: Final = re.compile(r" *(-?[0-9]+)? *\r?\n?")
_ESCAPED: Final = re.compile(r"\\([ ,=])")
_ESCAPED_IN_MEASUREMENT: Final = re.compile(r"\\([ ,])")
_ESCAPED_IN_STRING: Final = re.compile(r'\\(["\\])')
_TRUTH: Final = dict.fromkeys(("t", "T", "true", "True", "TRUE"), True) | dict.fromkeys(
    ("f", "F", "false", "False", "FALSE"), False
)
_INT64: Final = 2**63
_UINT64: Final = 2**64
_MAX_LINES: Final = 1_000  # of one point: a string may hold line ends, but a lost quote must not eat the file


@dataclass(frozen=True, slots=True)
class Point:
    """One point; `time_ns` is None where it has no timestamp."""

    measurement: str
    tags: dict[str, str]
    fields: dict[str, Value]
    time_ns: int | None


@dataclass(frozen=True, slots=True)
class BadPoint:
    """A line that is no point, and why."""

    why: str


class _UnclosedError(ValueError):
    """A string without its closing quote: its rest may be in the next line."""


def points(lines: Iterable[str], precision: str = "ns") -> Iterator[tuple[int, Point | BadPoint]]:
    r"""Read points with the number of the line on which each begins, from 1; blank lines and comments are nothing.

    Args:
        lines: Lines with their `\n`; a string value may go over several.
        precision: Unit of the timestamps: ns, us, ms or s.
    """
    begin, held = 0, ""
    for number, line in enumerate(lines, 1):
        if not held:
            if not line.strip(" \r\n") or line.lstrip(" ").startswith("#"):
                continue
            begin = number
        held += line
        try:
            found: Point | BadPoint = parse(held, precision)
        except _UnclosedError:
            if number - begin < _MAX_LINES:
                continue
            found = BadPoint("a string has no closing quote")
        except ValueError as error:
            found = BadPoint(str(error))
        held = ""
        yield begin, found
    if held:
        yield begin, BadPoint("a string has no closing quote")


def parse(text: str, precision: str = "ns") -> Point:
    """Read one point.

    Raises:
        ValueError: It is none; the sentence says where, counting characters from 1.
    """
    match = _MEASUREMENT.match(text, len(text) - len(text.lstrip(" ")))
    if match is None:
        raise ValueError(f"there is no measurement at {text[:20]!r}")
    measurement, tags, at = _ESCAPED_IN_MEASUREMENT.sub(r"\1", match[0]), {}, match.end()
    while text.startswith(",", at):
        key, at = _named(text, at + 1, "tag")
        value = _KEY.match(text, at)
        if value is None:
            raise ValueError(f"the tag {key!r} has no value at character {at + 1}")
        if key in tags:
            raise ValueError(f"the tag {key!r} stands twice")
        tags[key], at = _ESCAPED.sub(r"\1", value[0]), value.end()
    begin = at
    while text.startswith(" ", at):
        at += 1
    if at == begin:
        raise ValueError(f"a space before the fields is missing at character {at + 1}")
    fields, at = _fields(text, at)
    end = _TIME.fullmatch(text, at)
    if end is None or (end[1] and not text.startswith(" ", at)):
        raise ValueError(f"{text[at : at + 40]!r} is no timestamp")
    return Point(measurement, tags, fields, None if end[1] is None else _instant(end[1], precision))


def _fields(text: str, at: int) -> tuple[dict[str, Value], int]:
    fields: dict[str, Value] = {}
    while True:
        key, at = _named(text, at, "field")
        if text.startswith('"', at):
            quoted = _STRING.match(text, at)
            if quoted is None:
                raise _UnclosedError("a string has no closing quote")
            fields[key], at = _ESCAPED_IN_STRING.sub(r"\1", quoted[1]), quoted.end()
        else:
            bare = _BARE.match(text, at)
            token = bare[0] if bare else ""
            fields[key], at = _value(key, token), at + len(token)
        if not text.startswith(",", at):
            return fields, at
        at += 1


def _named(text: str, at: int, what: str) -> tuple[str, int]:
    match = _KEY.match(text, at)
    if match is None:
        raise ValueError(f"a {what} key is missing at character {at + 1}")
    if not text.startswith("=", match.end()):
        raise ValueError(f"the {what} {match[0]!r} has no '=' at character {match.end() + 1}")
    return _ESCAPED.sub(r"\1", match[0]), match.end() + 1


def _value(key: str, token: str) -> Value:
    truth = _TRUTH.get(token)
    if truth is not None:
        return truth
    whole = _INTEGER.fullmatch(token)
    if whole is not None:
        return _integer(key, int(whole[1]), signed=whole[2] == "i")
    if _FLOAT.fullmatch(token) is None:
        raise ValueError(f"the field {key!r} has no value of a known type: {token[:40]!r}")
    value = float(token)
    if not math.isfinite(value):
        raise ValueError(f"the field {key!r} is out of range: {token[:40]}")
    return value


def _integer(key: str, value: int, *, signed: bool) -> int:
    low, high = (-_INT64, _INT64) if signed else (0, _UINT64)
    if not low <= value < high:
        raise ValueError(f"the field {key!r} is out of range: {value}")
    return value


def _instant(text: str, precision: str) -> int:
    time_ns = int(text) * _PRECISIONS[precision]
    if not -_INT64 <= time_ns < _INT64:
        raise ValueError(f"the timestamp {text} is out of range")
    return time_ns
