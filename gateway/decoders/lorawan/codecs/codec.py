"""What a device codec is."""

from collections.abc import Callable
from typing import NamedTuple

from gateway.decoders.vocabulary import Names


class Codec(NamedTuple):
    """How one family of devices fills its frames.

    Attributes:
        decode: `(port, payload)` to the maker's own field names and numbers, as the maker's reference decoder gives
            them; pure. `{}` says that there is nothing to say; garbage raises `DecodeError`, and nothing else is ever
            raised. Values are numbers, truths, texts, or nested objects and lists where the maker has them.
        names: Maker's field to quantity and unit; serves the objects that a network server decoded as well.
        kind: Key of the catalog's kind that its readings get unless a device is mapped.
    """

    decode: Callable[[int, bytes], dict[str, object]]
    names: Names
    kind: str
