"""How bytes arrive: one module a protocol; each answers its sender only when the spool has what was sent."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from city.reading import Reading
from city.wire.pack import Undecoded
from gateway.decoders import Origin

Accept: TypeAlias = Callable[[list[Reading], list[Undecoded]], Awaitable[None]]
"""`Relay.accept`: returns when all is on disk, raises `Full` when custody isn't taken."""

Understand: TypeAlias = Callable[[Origin, bytes, int], tuple[list[Reading], list[Undecoded]]]
"""`gateway.naming.Decoding.decode`: origin, bytes and time of receipt (nanoseconds UTC) to what they mean."""
