"""A tracker's connection without a socket: log-in, frames, acknowledgements (see `gateway.decoders.tracker`).

Source: Teltonika Telematics Wiki, "Teltonika Data Sending Protocols": the tracker sends its IMEI and waits for 01, then
sends a frame and keeps its records until it is told their number. A frame whose checksum is wrong was damaged on its
way: it is answered with 0 records, and the connection ends, so that the tracker comes anew and sends it again.
"""

from typing import Final

from city.errors import Reason
from gateway.decoders.decoder import DecodeError
from gateway.decoders.teltonika import frame
from gateway.decoders.tracker import Bad, Event, Login, Records

_ACCEPTED: Final = b"\x01"
_REFUSED: Final = b"\x00"
_NONE_TAKEN: Final = bytes(4)
_PING: Final = b"\xff"
_PREFIX: Final = 2
"""Bytes that say how long the IMEI is."""

_LOGIN: Final = _PREFIX + frame.IMEI_DIGITS


class TcpSession:
    """One connection: see `gateway.decoders.tracker.Session`."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._imei = ""

    @property
    def held(self) -> int:
        """Bytes of an unfinished frame."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Event]:
        """Take bytes as they arrived and say what they mean, in order."""
        self._buffer += data
        events: list[Event] = []
        while (event := self._next()) is not None:
            events.append(event)
            if isinstance(event, Bad):
                break
        return events

    def _next(self) -> Event | None:
        if self._buffer.startswith(_PING):
            self._buffer = self._buffer.lstrip(_PING)
        return self._frame() if self._imei else self._login()

    def _login(self) -> Event | None:
        if len(self._buffer) < _PREFIX:
            return None
        digits = int.from_bytes(self._buffer[:_PREFIX])
        if digits != frame.IMEI_DIGITS:
            return Bad(Reason.BAD_DEVICE, f"an IMEI of {digits} digits", self._take(len(self._buffer)), _REFUSED)
        if len(self._buffer) < _LOGIN:
            return None
        login = self._take(_LOGIN)
        try:
            self._imei = frame.imei(login[_PREFIX:])
        except DecodeError as error:
            return Bad(error.reason, error.detail, login, _REFUSED)
        return Login(self._imei, _ACCEPTED)

    def _frame(self) -> Event | None:
        if len(self._buffer) < frame.START:
            return None
        length = int.from_bytes(self._buffer[4 : frame.START])
        if self._buffer[:4] != frame.PREAMBLE:
            return self._bad(Reason.UNDECODED, "no preamble where a frame must begin")
        if length + frame.OVERHEAD > frame.MAX_BYTES:
            return self._bad(Reason.TOO_LARGE, f"a frame of {length} bytes of data is announced")
        if len(self._buffer) < length + frame.OVERHEAD:
            return None
        payload = self._take(length + frame.OVERHEAD)
        try:
            body = frame.of_tcp(payload)
        except DecodeError as error:
            return Bad(error.reason, error.detail, payload, _NONE_TAKEN, self._parameters())
        answer = b"" if _silent(body) else body[1].to_bytes(4)
        return Records(payload, self._parameters(), answer)

    def _bad(self, reason: Reason, detail: str) -> Bad:
        return Bad(reason, detail, self._take(len(self._buffer)), parameters=self._parameters())

    def _parameters(self) -> dict[str, str]:
        return {"imei": self._imei}

    def _take(self, size: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken


def datagram(payload: bytes) -> list[Event]:
    """Say what a UDP datagram means; its acknowledgement repeats its ids and tells the number of records."""
    if not payload.strip(_PING):
        return []
    try:
        header, body = frame.of_udp(payload)
    except DecodeError as error:
        return [Bad(error.reason, error.detail, payload)]
    if _silent(body):
        return [Records(payload)]
    answer = header.packet.to_bytes(2) + bytes((1, header.avl_packet, body[1]))
    return [Records(payload, answer=len(answer).to_bytes(2) + answer)]


def _silent(body: bytes) -> bool:
    """Say whether a body expects no acknowledgement: a command's answer, or nothing at all."""
    return len(body) < frame.MIN_BODY or body[0] in frame.COMMANDS
