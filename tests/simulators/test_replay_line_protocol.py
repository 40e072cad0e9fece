"""The parser of line protocol, on cases of its own and on the public corpus."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.replay.line_protocol import BadPoint, Point, Value, parse, points

_PRECISIONS = {"1ns": ("ns", 1), "1µs": ("us", 10**3), "1ms": ("ms", 10**6), "1s": ("s", 10**9)}


@pytest.mark.parametrize(
    ("text", "point"),
    [
        ("m v=1", Point("m", {}, {"v": 1.0}, None)),
        (
            "m,a=b v=1i,w=2u,x=-1.5e3,y=t,z=FALSE 7",
            Point("m", {"a": "b"}, {"v": 1, "w": 2, "x": -1500.0, "y": True, "z": False}, 7),
        ),
        ("a\\ b\\,c,t\\=1=x\\ y v=1 -3", Point("a b,c", {"t=1": "x y"}, {"v": 1.0}, -3)),
        ('m s="a \\"b\\" \\\\ , = c" 1', Point("m", {}, {"s": 'a "b" \\ , = c'}, 1)),
        ('m s="two\nlines" 1', Point("m", {}, {"s": "two\nlines"}, 1)),
        ("m\\x v=1", Point("m\\x", {}, {"v": 1.0}, None)),
        ("  m v=1   5  \r\n", Point("m", {}, {"v": 1.0}, 5)),
    ],
)
def test_points_are_read(text: str, point: Point) -> None:
    assert parse(text) == point


@pytest.mark.parametrize(
    "text",
    [
        "",
        "m",
        "m ",
        "m v",
        "m v=",
        "m v=1,",
        "m,a v=1",
        "m,a= v=1",
        "m, v=1",
        "m,a=1,a=2 v=1",
        "m v=1x",
        "m v=nan",
        "m v=1e999",
        "m v=9223372036854775808i",
        "m v=-1u",
        "m v=18446744073709551616u",
        'm v="a',
        'm v="a"x',
        "m v=1 x",
        "m v=1 1 2",
        "m v=1 1.5",
        "m v=1 9223372036854775808",
        "m\tv=1",
        "\tm v=1",
        "m v=1\t1",
        "m v=0x10",
        "m v=1_0",
        "m v=.",
        "m v=tRUE",
        "m v=1 1_0",
    ],
)
def test_what_is_no_point_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse(text)


def test_precision_and_lines() -> None:
    lines = ["# c\n", "\n", "m v=1 2\n", "bad\n", 'm s="a\n', 'b" 3\n', "m v=1 4\n", 'm s="open\n', "x\n"]
    found = list(points(lines, "ms"))
    assert [number for number, _ in found] == [3, 4, 5, 7, 8]
    assert [point.time_ns for _, point in found if isinstance(point, Point)] == [2_000_000, 3_000_000, 4_000_000]
    assert [number for number, point in found if isinstance(point, BadPoint)] == [4, 8]


_name = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=8).filter(
    lambda text: "\\" not in text and not text.startswith("#")
)
_value: st.SearchStrategy[Value] = (
    st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(-(2**63), 2**63 - 1)
    | st.booleans()
    | st.text(st.characters(codec="utf-8"), max_size=10)
)


@given(
    st.builds(
        Point,
        _name,
        st.dictionaries(_name, _name, max_size=3),
        st.dictionaries(_name, _value, min_size=1, max_size=3),
        st.integers(-(2**63), 2**63 - 1) | st.none(),
    )
)
def test_what_is_written_is_read_again(point: Point) -> None:
    text = "m v=1 1\n" + _written(point) + "\n" + "m v=1 2\n"
    found = [row for _, row in points(re.findall(r"[^\n]*\n", text))]
    assert found[1:-1] == [point]
    assert {key: type(value) for key, value in point.fields.items()} == {
        key: type(value)
        for key, value in found[1].fields.items()  # type: ignore[union-attr]  # equal to a Point
    }


def test_the_public_corpus_is_decoded_as_it_says(shared_data: Path) -> None:
    cases = json.loads((shared_data / "lineprotocol" / "corpus_public.json").read_text("utf-8"))["decode"]
    wrong = [case["key"] for case in cases if not _as_expected(case)]
    assert len(cases) == 4347
    assert wrong == []


def _as_expected(case: dict[str, Any]) -> bool:
    given_, output = case["input"], case["output"]
    precision, unit = _PRECISIONS[given_["precision"]]
    try:
        found = [point for _, point in points(re.findall(r"[^\n]*\n|[^\n]+$", _text(given_["text"])), precision)]
    except UnicodeDecodeError:
        return "error" in output
    failed = any(isinstance(point, BadPoint) for point in found)
    if "error" in output or failed:
        return failed and "error" in output
    default = given_["defaultTime"] // unit * unit
    return [_plain(point, default) for point in found] == [
        (
            point["name"],
            {tag["key"]: tag["value"] for tag in point["tags"]},
            {field["key"]: _expected(field["value"]) for field in point["fields"]},
            point["time"],
        )
        for point in output["result"]
    ]


def _plain(point: Point | BadPoint, default: int) -> tuple[str, dict[str, str], dict[str, Value], int]:
    assert isinstance(point, Point)
    return point.measurement, point.tags, point.fields, default if point.time_ns is None else point.time_ns


def _expected(value: dict[str, Any]) -> Value:
    ((kind, content),) = value.items()
    return float(content) if kind == "float" else content if isinstance(content, bool | int) else _text(content)


def _text(text: str | dict[str, str]) -> str:
    return base64.b64decode(text["binary"]).decode() if isinstance(text, dict) else text


def _written(point: Point) -> str:
    def escaped(text: str, signs: str) -> str:
        return "".join(f"\\{sign}" if sign in signs else sign for sign in text)

    def value(value: Value) -> str:
        if isinstance(value, bool):
            return str(value)
        if isinstance(value, str):
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        return f"{value}i" if isinstance(value, int) else repr(value)

    tags = "".join(f",{escaped(key, ' ,=')}={escaped(text, ' ,=')}" for key, text in point.tags.items())
    fields = ",".join(f"{escaped(key, ' ,=')}={value(row)}" for key, row in point.fields.items())
    time = "" if point.time_ns is None else f" {point.time_ns}"
    return f"{escaped(point.measurement, ' ,')}{tags} {fields}{time}"
