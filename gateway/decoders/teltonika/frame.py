"""Teltonika's wire format: TCP frames, UDP datagrams, and the records in both (codecs 8, 8 Extended and 16).

Source: Teltonika Telematics Wiki, "Teltonika Data Sending Protocols". All numbers are big-endian.

    TCP:   0 (4)  length (4)  | codec (1)  count (1)  records  count (1) |  CRC-16/IBM of what is between the bars (4)
    UDP:   length (2)  packet id (2)  1 (1)  AVL packet id (1)  IMEI length (2)  IMEI  | as above |
"""

from collections.abc import Mapping
from functools import lru_cache
from struct import Struct, error
from typing import Final, NamedTuple

from fastcrc.crc16 import arc

from city.errors import Reason
from gateway.decoders.decoder import DecodeError

CODECS: Final = {"8": 0x08, "8E": 0x8E, "16": 0x10}
"""Codecs of position records; others carry commands, texts and photos."""

COMMANDS: Final = frozenset({0x0C, 0x0D, 0x0E, 0x0F})
"""Codecs 12 to 15: answers to commands, and texts of what hangs on the tracker's serial port. No measurements."""

MAX_BYTES: Final = 16 * 1024
"""Longest frame; the trackers' own limit is 1,280 to 4,096 bytes."""

IMEI_DIGITS: Final = 15
PREAMBLE: Final = bytes(4)
START: Final = 8
"""Bytes of preamble and length."""

OVERHEAD: Final = 12
"""Bytes of preamble, length and CRC."""

MIN_BODY: Final = 3
"""Bytes of a codec and two counts."""


class Record(NamedTuple):
    """One record as it is on the wire.

    Attributes:
        time_ms: Milliseconds since 1970 UTC.
        priority: 0 low, 1 high, 2 panic.
        lon: Degrees east times 10^7.
        lat: Degrees north times 10^7.
        altitude: Metres above mean sea level.
        angle: Degrees from north, clockwise.
        satellites: In use; 0: no fix, and the position is the last known one.
        speed: km/h.
        event: The IO element that made the tracker write this record; 0: none.
        counts: How many IO elements have 1, 2, 4 and 8 bytes.
        numbers: Of those elements, the shorter first.
        values: Theirs, unsigned.
        long: IO elements of any length (8 Extended alone).
        origin: How the record came about (codec 16 alone); 0 otherwise.
    """

    time_ms: int
    priority: int
    lon: int
    lat: int
    altitude: int
    angle: int
    satellites: int
    speed: int
    event: int
    counts: tuple[int, ...]
    numbers: tuple[int, ...]
    values: tuple[int, ...]
    long: Mapping[int, bytes]
    origin: int


class Header(NamedTuple):
    """What stands before the records of a UDP datagram."""

    packet: int
    avl_packet: int
    imei: str


class _Dialect(NamedTuple):
    """How a codec writes records.

    Attributes:
        head: GPS part, event, and how many IO elements follow.
        step: Bytes of a group's count.
        number: An element's number, as `struct` spells it.
        has_long: A group of elements of any length comes last.
    """

    head: Struct
    step: int
    number: str
    has_long: bool


_GPS: Final = ">QBiihHBH"
_WIDTHS: Final = {"B": 1, "H": 2, "I": 4, "Q": 8}
"""An element's value, as `struct` spells it, to its bytes."""

_DIALECTS: Final = {
    CODECS["8"]: _Dialect(Struct(_GPS + "BB"), 1, "B", has_long=False),
    CODECS["8E"]: _Dialect(Struct(_GPS + "HH"), 2, "H", has_long=True),
    CODECS["16"]: _Dialect(Struct(_GPS + "HBB"), 1, "H", has_long=False),
}
_LONG: Final = Struct(">HH")
_NO_LONG: Final[dict[int, bytes]] = {}
_UDP: Final = Struct(">HHBBH")


def refuse(detail: str) -> DecodeError:
    """Make the error of bytes that are no frame."""
    return DecodeError(Reason.UNDECODED, detail)


def of_tcp(payload: bytes) -> bytes:
    """Take codec, counts and records out of a whole TCP frame.

    Raises:
        DecodeError: `undecoded`: preamble, length or checksum is wrong; `too_large`.
    """
    if len(payload) > MAX_BYTES:
        raise DecodeError(Reason.TOO_LARGE, f"a frame of {len(payload)} bytes; at most {MAX_BYTES} are allowed")
    if len(payload) < OVERHEAD or payload[:4] != PREAMBLE:
        raise refuse(f"{len(payload)} bytes without preamble, length and checksum")
    length = int.from_bytes(payload[4:START])
    if length != len(payload) - OVERHEAD:
        raise refuse(f"{len(payload) - OVERHEAD} bytes of data where {length} are announced")
    body, wanted = payload[START:-4], int.from_bytes(payload[-4:])
    if (made := arc(body)) != wanted:
        raise refuse(f"the checksum is {made:04x} where {wanted:04x} is announced")
    return body


def of_udp(payload: bytes) -> tuple[Header, bytes]:
    """Take a datagram apart into its header and codec, counts and records.

    Raises:
        DecodeError: `undecoded`: the length is wrong, or the IMEI is none; `too_large`.
    """
    if len(payload) > MAX_BYTES:
        raise DecodeError(Reason.TOO_LARGE, f"{len(payload)} bytes; at most {MAX_BYTES} are allowed")
    if len(payload) < _UDP.size:
        raise refuse(f"a datagram of {len(payload)} bytes has no header")
    length, packet, one, avl_packet, digits = _UDP.unpack_from(payload)
    if length != len(payload) - 2 or one != 1:
        raise refuse(f"{len(payload)} bytes are no datagram of a tracker")
    if digits != IMEI_DIGITS:
        raise refuse(f"an IMEI of {digits} digits")
    body_at = _UDP.size + digits
    return Header(packet, avl_packet, imei(payload[_UDP.size : body_at])), payload[body_at:]


def imei(text: bytes) -> str:
    """Read an IMEI: 15 digits.

    Raises:
        DecodeError: `bad_device`.
    """
    if len(text) != IMEI_DIGITS or not text.isdigit():
        raise DecodeError(Reason.BAD_DEVICE, f"{text[:IMEI_DIGITS]!r} is not an IMEI")
    return text.decode("ascii")


def records(body: bytes) -> list[Record]:
    """Read codec, counts and records; `[]` if the codec carries no records.

    Raises:
        DecodeError: `undecoded`: an unknown codec, counts that disagree, or too few or too many bytes.
    """
    if len(body) < MIN_BODY:
        raise refuse(f"{len(body)} bytes have no codec and counts")
    codec, count = body[0], body[1]
    if codec in COMMANDS:
        return []
    dialect = _DIALECTS.get(codec)
    if dialect is None:
        raise refuse(f"no codec {codec:#04x}")
    at, end, found = 2, len(body) - 1, []
    try:
        for _ in range(count):
            record, at = _record(body, at, dialect)
            found.append(record)
    except (error, IndexError):
        raise refuse(f"the bytes end within record {len(found) + 1} of {count}") from None
    if at != end:
        raise refuse(f"{count} records end at byte {at} of {end}")
    if body[end] != count:
        raise refuse(f"{count} records before, {body[end]} behind them")
    return found


def alone(payload: bytes, place: int) -> bytes:
    """Write a frame or datagram that could be read, anew with one of its records, counted from 0."""
    is_tcp = payload[:4] == PREAMBLE
    body_at = START if is_tcp else _UDP.size + IMEI_DIGITS
    body = payload[body_at:-4] if is_tcp else payload[body_at:]
    at = first = 2
    for _ in range(place + 1):
        first = at
        _, at = _record(body, at, _DIALECTS[body[0]])
    one = b"\x01"
    body = body[:1] + one + body[first:at] + one
    if is_tcp:
        return PREAMBLE + len(body).to_bytes(4) + body + arc(body).to_bytes(4)
    head = payload[2:body_at]
    return (len(head) + len(body)).to_bytes(2) + head + body


def _record(body: bytes, at: int, dialect: _Dialect) -> tuple[Record, int]:
    time_ms, priority, lon, lat, altitude, angle, satellites, speed, event, *rest = dialect.head.unpack_from(body, at)
    at += dialect.head.size
    first, step, number = at, dialect.step, _WIDTHS[dialect.number]
    counts: list[int] = []
    for width in _WIDTHS.values():
        count = body[at] if step == 1 else body[at] << 8 | body[at + 1]
        counts.append(count)
        at += step + count * (number + width)
    if at > len(body):
        raise IndexError
    flat = _elements(step, dialect.number, *counts).unpack_from(body, first)
    counted = sum(counts)
    long: dict[int, bytes] = _NO_LONG
    if dialect.has_long:
        count = int.from_bytes(body[at : at + step])
        at += step
        counted += count
        if count:
            long, at = _long(body, at, count)
    if counted != rest[-1]:
        raise refuse(f"{counted} IO elements where {rest[-1]} are announced")
    io = tuple(counts), flat[::2], flat[1::2], long, rest[0] if len(rest) > 1 else 0
    return Record(time_ms, priority, lon, lat, altitude, angle, satellites, speed, event, *io), at


@lru_cache(maxsize=256)
def _elements(step: int, number: str, *counts: int) -> Struct:
    """Spell the four groups of IO elements: their numbers and values in turns; a tracker's records are all alike."""
    groups = (f"{step}x" + (number + width) * count for width, count in zip(_WIDTHS, counts, strict=True))
    return Struct(">" + "".join(groups))


def _long(body: bytes, at: int, count: int) -> tuple[dict[int, bytes], int]:
    long: dict[int, bytes] = {}
    for _ in range(count):
        number, length = _LONG.unpack_from(body, at)
        at += _LONG.size + length
        long[number] = body[at - length : at]
    return long, at
