"""Device codecs: what makers put into the bytes of an uplink. Each maker's module exports `CODECS`; here they are one.

Add one: a module with `decode(port, payload) -> dict[str, object]` (see `codec.Codec`), `NAMES`, and `CODECS` with rows
named `<maker>` or `<maker>-<model>` in lower case (a maker whose frames don't say the model has a row a model:
`decentlab-dl-atm22`); its name in the list below; and cases of frames.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from gateway.decoders.lorawan.codecs import (
    browan,
    cayenne,
    decentlab,
    digital_matter,
    dragino,
    dragino_io,
    elsys,
    milesight,
)
from gateway.decoders.lorawan.codecs.codec import Codec


def merged(tables: Iterable[Mapping[str, Codec]]) -> Mapping[str, Codec]:
    """Make one table of the makers'.

    Raises:
        ValueError: Two of them have a codec of one name.
    """
    codecs: dict[str, Codec] = {}
    for table in tables:
        if twice := codecs.keys() & table.keys():
            raise ValueError(f"two codecs are called {min(twice)!r}")
        codecs |= table
    return MappingProxyType(codecs)


MAKERS: Final = (
    browan,
    cayenne,
    decentlab,
    digital_matter,
    dragino,
    dragino_io,
    elsys,
    milesight,
)
CODECS: Final = merged(maker.CODECS for maker in MAKERS)
"""Name of a codec, as settings and `Context.codecs` spell it, to the codec."""

__all__ = ["CODECS", "MAKERS", "Codec", "merged"]
