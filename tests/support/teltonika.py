"""Speaks as a Teltonika tracker does: the other half of `gateway.decoders.teltonika`, written without it."""

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

CODEC_8, CODEC_8E, CODEC_16 = 0x08, 0x8E, 0x10


@dataclass
class Told:
    """One record as a tracker has it; degrees times 10^7, km/h, metres.

    `io` is element number to (bytes, unsigned value); `long` is codec 8 Extended's elements of any length.
    """

    time_ms: int
    lat: int = 0
    lon: int = 0
    altitude: int = 0
    angle: int = 0
    satellites: int = 0
    speed: int = 0
    priority: int = 0
    event: int = 0
    origin: int = 0
    io: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    long: Mapping[int, bytes] = field(default_factory=dict)


def login(imei: str) -> bytes:
    """Give what opens a TCP connection."""
    return len(imei).to_bytes(2) + imei.encode()


def tcp(body: bytes) -> bytes:
    """Give a TCP frame."""
    return bytes(4) + len(body).to_bytes(4) + body + crc(body).to_bytes(4)


def udp(body: bytes, imei: str, packet: int = 1, avl_packet: int = 1) -> bytes:
    """Give a UDP datagram."""
    rest = packet.to_bytes(2) + b"\x01" + bytes([avl_packet]) + login(imei) + body
    return len(rest).to_bytes(2) + rest


def body(codec: int, records: Sequence[Told]) -> bytes:
    """Give codec, counts and records."""
    count = bytes([len(records)])
    return bytes([codec]) + count + b"".join(_record(codec, told) for told in records) + count


def crc(content: Iterable[int]) -> int:
    """CRC-16/IBM, bit by bit."""
    register = 0
    for byte in content:
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ (0xA001 if register % 2 else 0)
    return register


def _record(codec: int, told: Told) -> bytes:
    """Write one record; numbers and counts have two bytes in 8 Extended, counts one in the others."""
    gps = struct.pack(
        ">QBiihHBH",
        told.time_ms,
        told.priority,
        told.lon,
        told.lat,
        told.altitude,
        told.angle,
        told.satellites,
        told.speed,
    )
    number_bytes = 1 if codec == CODEC_8 else 2
    count_bytes = 2 if codec == CODEC_8E else 1
    parts = [gps, told.event.to_bytes(number_bytes)]
    if codec == CODEC_16:
        parts.append(bytes([told.origin]))
    parts.append((len(told.io) + len(told.long)).to_bytes(count_bytes))
    for width in (1, 2, 4, 8):
        group = {number: value for number, (size, value) in told.io.items() if size == width}
        parts.append(len(group).to_bytes(count_bytes))
        parts += [number.to_bytes(number_bytes) + value.to_bytes(width) for number, value in group.items()]
    if codec == CODEC_8E:
        parts.append(len(told.long).to_bytes(2))
        parts += [number.to_bytes(2) + len(content).to_bytes(2) + content for number, content in told.long.items()]
    return b"".join(parts)
