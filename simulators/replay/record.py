"""Our own records: MQTT messages as they arrived, one JSON object a line, in files named `*.korat.jsonl`.

`{"t": 1764900000000000000, "topic": "city/th-30/...", "payload": {"ts": ...}}` where the payload is JSON, with its
bytes kept as they were; `"base64": "..."` in place of `"payload"` where it isn't.
"""

import base64
import binascii
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import msgspec

from simulators.replay.tally import Tally

SUFFIX: Final = ".korat.jsonl"


class Record(NamedTuple):
    """One message: when it was received (nanoseconds UTC), its topic, its bytes."""

    time_ns: int
    topic: str
    payload: bytes


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    t: int
    topic: str
    payload: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    base64: str | msgspec.UnsetType = msgspec.UNSET


_decoder: Final = msgspec.json.Decoder(_Line)
_encoder: Final = msgspec.json.Encoder()


def write_record(file: BinaryIO, record: Record) -> None:
    """Append one message to an open record."""
    line = _Line(record.time_ns, record.topic)
    if _stands_as_json(record.payload):
        line.payload = msgspec.Raw(record.payload)
    else:
        line.base64 = base64.b64encode(record.payload).decode()
    file.write(_encoder.encode(line) + b"\n")


def read_records(path: Path, tally: Tally) -> Iterator[Record]:
    """Read a record.

    Raises:
        BadFile: A line is bad and bad lines are to stop.
    """
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            tally.rows += 1
            try:
                yield _record(line)
            except (ValueError, msgspec.MsgspecError) as error:
                tally.refuse(number, str(error))


def _record(line: bytes) -> Record:
    found = _decoder.decode(line)
    if not found.topic or any(sign in found.topic for sign in "+#\0"):
        raise ValueError(f"{found.topic[:80]!r} is no topic to publish to")
    if isinstance(found.payload, msgspec.Raw) and isinstance(found.base64, msgspec.UnsetType):
        return Record(found.t, found.topic, bytes(found.payload))
    if isinstance(found.base64, str) and isinstance(found.payload, msgspec.UnsetType):
        try:
            return Record(found.t, found.topic, base64.b64decode(found.base64, validate=True))
        except binascii.Error as error:
            raise ValueError(f"base64: {error}") from None
    raise ValueError("a record has either payload or base64")


def _stands_as_json(payload: bytes) -> bool:
    # a line end would break the line, and spaces around it would not come back
    if b"\n" in payload or b"\r" in payload or payload.strip() != payload:
        return False
    try:
        payload.decode()
        msgspec.json.decode(payload)
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError):
        return False
    return True
