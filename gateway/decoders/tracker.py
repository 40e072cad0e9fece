"""What a tracker's protocol must say, so that one TCP and one UDP server can speak it: sessions without sockets.

A session is given bytes as they come, in pieces of any size, and says what they mean as events, in order. The server
does the rest: it hands payloads over, waits until the spool has them, and only then sends the acknowledgement.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from city.errors import Reason


@dataclass(frozen=True, slots=True)
class Login:
    """The tracker said who it is.

    Attributes:
        name: Who it is, as it says it (an IMEI); for the log and for limits.
        answer: Bytes to send at once; may be empty.
    """

    name: str
    answer: bytes = b""


@dataclass(frozen=True, slots=True)
class Records:
    """One frame whose acknowledgement hands over custody.

    Attributes:
        payload: What the decoder gets. It must be decodable later, from `payload` and `parameters` alone.
        parameters: What the decoder is told beside it: `Context.parameters` (`device` and `kind` among them).
        answer: Bytes to send once the spool has the frame; also when the decoder refused it, because its bytes are
            in quarantine then and asking for the same again helps nobody. Empty: nothing is sent.
    """

    payload: bytes
    parameters: dict[str, str] = field(default_factory=dict)
    answer: bytes = b""


@dataclass(frozen=True, slots=True)
class Reply:
    """Bytes to send at once, that acknowledge no record (the answer to a ping)."""

    answer: bytes


@dataclass(frozen=True, slots=True)
class Bad:
    """Bytes that are no frame of this protocol: they are quarantined, and a TCP connection is closed behind them.

    Attributes:
        reason: The bounded reason.
        detail: One sentence that says what is wrong.
        payload: The bytes in question, as far as they are known.
        answer: Bytes to send before the end, once the spool has `payload`; may be empty.
        parameters: As in `Records`.
    """

    reason: Reason
    detail: str
    payload: bytes
    answer: bytes = b""
    parameters: dict[str, str] = field(default_factory=dict)


Event: TypeAlias = Login | Records | Reply | Bad


class Session(Protocol):
    """One TCP connection's half of a protocol; pure: no socket, no clock.

    After a `Bad` it is not fed any more. It may hold at most one unfinished frame, and says `Bad` as soon as a
    frame's announced length is more than the protocol allows.
    """

    @property
    def held(self) -> int:
        """Bytes that it keeps because their frame is not complete."""
        ...

    def feed(self, data: bytes) -> list[Event]:
        """Take bytes as they arrived and say what they mean, in order."""
        ...


Datagram: TypeAlias = Callable[[bytes], list[Event]]
"""One UDP datagram, whole, to what it means."""


@dataclass(frozen=True, slots=True)
class TrackerProtocol:
    """One row of the table of protocols that the TCP and UDP servers speak.

    Attributes:
        decoder: Name in `gateway.decoders.DECODERS` that reads `Records.payload`.
        session: Makes the session of a new connection.
        datagram: Understands a datagram; None where the protocol has no UDP form.
    """

    decoder: str
    session: Callable[[], Session]
    datagram: Datagram | None = None
