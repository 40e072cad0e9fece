"""What a city calls the sources of its gateways: devices, kinds, quantities, places; in `gateway.toml`."""

from gateway.naming.decoding import Decoding
from gateway.naming.naming import Naming
from gateway.naming.sources import Source, Sources, snippet

__all__ = ["Decoding", "Naming", "Source", "Sources", "snippet"]
