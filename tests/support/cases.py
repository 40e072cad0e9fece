"""Frames that decoders must understand, as folders; see tests/gateway/cases/README.md."""

import base64
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from city.errors import Malformed
from city.reading import Reading
from gateway.decoders import DECODERS, Context
from gateway.decoders.lorawan.codecs import CODECS
from gateway.decoders.mapping import load_mapping
from gateway.naming.decoding import checked

ROOT: Final = Path(__file__).parents[1] / "gateway" / "cases"
CODEC: Final = "codec-"
"""How the folder of a raw device codec begins."""

RECEIVED_NS: Final = 1_764_900_000 * 10**9

_READ: Final[dict[str, Callable[[str], bytes]]] = {
    "payload.hex": bytes.fromhex,
    "payload.b64": base64.b64decode,
    "payload.json": lambda text: text.removesuffix("\n").encode(),
    "payload.txt": lambda text: text.removesuffix("\n").encode(),
}


class Known(msgspec.Struct, forbid_unknown_fields=True):
    """`context.json`: what is known beside the bytes.

    `shows` says which device or message the frame is of (`Dragino LHT65: no probe attached`), for SUPPORTED.md;
    `port` is for device codecs alone.
    """

    received_ns: int = RECEIVED_NS
    device: str | None = None
    kind: str | None = None
    parameters: dict[str, str] = {}
    codecs: dict[str, str] = {}
    mappings: dict[str, dict[str, Any]] = {}
    port: int = 1
    shows: str = ""


def readings_by(family: str) -> Callable[[bytes, Context], list[Reading]]:
    """Give a decoder without the rest of its answer."""
    return lambda payload, context: DECODERS[family](payload, context).readings


@dataclass(frozen=True)
class Case:
    """One folder."""

    family: str
    name: str
    payload: bytes
    known: Known
    expected: Any = None
    error: str | None = None

    def __str__(self) -> str:
        return f"{self.family}/{self.name}"

    def run(self, payload: bytes) -> Any:
        """Give what the decoder makes of these bytes: readings, or an object of a maker's names.

        Raises:
            Malformed: The decoder refuses them.
        """
        if self.family.startswith(CODEC):
            return CODECS[self.family.removeprefix(CODEC)](self.known.port, payload)
        return list(checked(readings_by(self.family)(payload, self.context())))

    def context(self) -> Context:
        """Give what the decoder gets beside the bytes."""
        known = self.known
        mappings = {name: load_mapping(name, table) for name, table in known.mappings.items()}
        return Context(known.received_ns, known.device, known.kind, known.parameters, known.codecs, mappings)

    def outcome(self) -> Any:
        """Give what the decoder makes of the case, as its files spell it: an object, readings, or a reason."""
        try:
            return plain(self.run(self.payload))
        except Malformed as error:
            return str(error.reason)

    def wanted(self) -> Any:
        """Give what it must make of it."""
        if self.error is not None:
            return self.error
        if self.family.startswith(CODEC):
            return self.expected
        return plain(msgspec.convert(self.expected, list[Reading]))


def plain(made: Any) -> Any:
    """Turn readings into objects without the fields that say nothing, and leave a maker's object alone."""
    if not isinstance(made, list):
        return made
    return [
        {key: value for key, value in msgspec.to_builtins(reading).items() if value not in (None, {})}
        for reading in made
    ]


@cache
def load(folder: Path) -> Case:
    """Read one case; a folder that is none fails with a sentence."""
    (file,) = [folder / name for name in _READ if (folder / name).exists()] or [None]
    assert file is not None, f"{folder} has none of {', '.join(_READ)}"
    known = folder / "context.json"
    expected, error = folder / "expected.json", folder / "error.txt"
    stray = {path.name for path in folder.iterdir()} - {*_READ, known.name, expected.name, error.name}
    assert not stray, f"{folder} holds {stray}, which nobody reads"
    case = Case(
        folder.parent.name,
        folder.name,
        _READ[file.name](file.read_text("utf-8")),
        msgspec.json.decode(known.read_bytes(), type=Known) if known.exists() else Known(),
        json.loads(expected.read_text("utf-8")) if expected.exists() else None,
        error.read_text("utf-8").strip() if error.exists() else None,
    )
    if expected.exists() == error.exists():
        made = json.dumps(case.outcome(), indent=2)
        raise AssertionError(f"{folder} needs either expected.json or error.txt; the decoder makes of it:\n{made}")
    return case


@cache
def folders() -> list[Path]:
    """Find every case."""
    return sorted(path for family in ROOT.iterdir() if family.is_dir() for path in family.iterdir() if path.is_dir())


class Damage(NamedTuple):
    """What was done to a frame, and what is left of it."""

    what: str
    payload: bytes


@dataclass(frozen=True)
class Damaged:
    """Every truncation of a frame, and every byte of it changed in a few ways; a sample where there are too many."""

    payload: bytes
    most: int
    ways: tuple[Callable[[int], int], ...] = field(
        default=(
            lambda byte: byte ^ 0xFF,
            lambda byte: byte ^ 0x01,
            lambda byte: byte ^ 0x80,
            lambda byte: (byte + 1) % 256,
            lambda _: 0,
            lambda _: ord("-"),
            lambda _: ord("["),
        )
    )

    def __iter__(self) -> Iterator[Damage]:
        size = len(self.payload)
        count = size * (1 + len(self.ways))
        chosen = range(count) if count <= self.most else sorted(random.Random(size).sample(range(count), self.most))
        for number in chosen:
            place, way = number % size, number // size
            if way == 0:
                yield Damage(f"cut to {place} bytes", self.payload[:place])
                continue
            byte = self.ways[way - 1](self.payload[place])
            changed = self.payload[:place] + bytes((byte,)) + self.payload[place + 1 :]
            yield Damage(f"byte {place} is {byte:#04x}", changed)
