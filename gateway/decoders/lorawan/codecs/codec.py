"""What a device codec is, and how one refuses bytes."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from city.errors import Reason
from gateway.decoders.decoder import DecodeError
from gateway.decoders.fields import Names

HISTORY: Final = "history"
"""Field in which a codec hands over older records: objects with `timestamp`, Unix seconds."""

_EARLIEST_S: Final = 1_577_836_800
_MAX_AHEAD_S: Final = 300
_NONE: Final[Mapping[str, frozenset[float]]] = MappingProxyType({})
_NO_STATES: Final[Mapping[str, Mapping[str, float]]] = MappingProxyType({})


class Codec(NamedTuple):
    """How one family of devices fills its frames.

    Attributes:
        decode: `(port, payload)` to the maker's own field names and numbers, as the maker's reference decoder gives
            them; pure. `{}` says that there is nothing to say; garbage raises `DecodeError`, and nothing else is ever
            raised. Values are numbers, truths, texts, or nested objects and lists where the maker has them.
        names: Maker's field to quantity and unit; serves the objects that a network server decoded as well.
            The quantities `lat` and `lon` make the position.
        kind: Key of the catalog's kind that its readings get unless a device is mapped.
        absent: Maker's field to the numbers that say "no value".
        states: Maker's field to what its texts are as numbers.
        clock: The device's own time of these fields; nanoseconds UTC, or None if it has none. Its second argument is
            the network server's time, for clocks that tell only a part.
        tidy: Last change of the flat fields before they get their meaning.
        dallas: Maker's fields that are the temperature of a DS18B20.
    """

    decode: Callable[[int, bytes], dict[str, object]]
    names: Names
    kind: str
    absent: Mapping[str, frozenset[float]] = _NONE
    states: Mapping[str, Mapping[str, float]] = _NO_STATES
    clock: Callable[[Mapping[str, object], int], int | None] | None = None
    tidy: Callable[[dict[str, object], Names], dict[str, object]] | None = None
    dallas: frozenset[str] = frozenset()

    def __call__(self, port: int, payload: bytes) -> dict[str, object]:
        """Decode a frame; see `decode`."""
        return self.decode(port, payload)


def refusal(sentence: str) -> DecodeError:
    """Make the error of bytes that a codec can't read."""
    return DecodeError(Reason.UNDECODED, sentence)


def need(payload: bytes, size: int, what: str) -> None:
    """Refuse a frame that ends too early.

    Args:
        payload: The frame.
        size: Bytes that it must have at least.
        what: Its name.

    Raises:
        DecodeError: `undecoded`.
    """
    if len(payload) < size:
        raise refusal(f"{what} has at least {size} bytes, not {len(payload)}")


def unix_clock(field: str) -> Callable[[Mapping[str, object], int], int | None]:
    """Make a clock of a field that holds Unix seconds."""

    def read(fields: Mapping[str, object], server_ns: int) -> int | None:
        return device_time_ns(fields.get(field), server_ns)

    return read


def device_time_ns(seconds: object, server_ns: int) -> int | None:
    """Take a device's Unix seconds as nanoseconds UTC; None when its clock was plainly never set.

    That is before 2020, or more than five minutes after the network server got the frame.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    if not _EARLIEST_S <= seconds <= server_ns // 1_000_000_000 + _MAX_AHEAD_S:
        return None
    return int(seconds) * 1_000_000_000
