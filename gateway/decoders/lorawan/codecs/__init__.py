"""Device codecs: what makers put into the bytes of an uplink, and the table of their names.

Add one: a module with `decode(port, payload) -> dict[str, object]` (see `codec.Codec`) and `NAMES`, a row in `CODECS`
named `<maker>` or `<maker>-<model>` in lower case (a maker whose frames don't say the model has a row a model:
`decentlab-dl-atm22`), and cases of frames.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gateway.decoders.lorawan.codecs.codec import Codec

CODECS: Final[Mapping[str, Codec]] = MappingProxyType({})
"""Name of a codec, as settings and `Context.codecs` spell it, to the codec."""

__all__ = ["CODECS", "Codec"]
