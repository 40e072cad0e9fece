"""The protocols that the TCP and UDP servers speak: one row each."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gateway.decoders.teltonika.session import TcpSession, datagram
from gateway.inputs.sessions import TrackerProtocol

TRACKER_PROTOCOLS: Final[Mapping[str, TrackerProtocol]] = MappingProxyType(
    {"teltonika": TrackerProtocol("teltonika", TcpSession, datagram)}
)
"""Name in settings to protocol."""
