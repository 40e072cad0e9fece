"""How bytes arrive: one module a protocol; each answers its sender only when the spool has what was sent."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from city.reading import Reading
from city.wire.pack import Undecoded

Accept: TypeAlias = Callable[[list[Reading], list[Undecoded]], Awaitable[None]]
"""`Relay.accept`: returns when all is on disk, raises `Full` when custody isn't taken."""
