"""The protocols that the TCP and UDP servers speak: one row each."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gateway.decoders.teltonika.session import TcpSession, datagram
from gateway.links.sessions import Speech

SPEECHES: Final[Mapping[str, Speech]] = MappingProxyType({"teltonika": Speech("teltonika", TcpSession, datagram)})
"""Name in settings to protocol."""
