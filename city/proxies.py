"""Who a request is of, where a proxy stands between: `X-Forwarded-For` and `Forwarded` (RFC 7239), from proxies alone.

Anybody can write these headers, so they count only on a connection of an address that the settings trust, and of what
they list only what trusted proxies added: from the right up to the first address that is none of theirs.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, Self

_ELEMENT: Final = re.compile(r'(?:"[^"]*"|[^,"]|")+')
_PAIR: Final = r'\s*[\w-]+=(?:"[^"]*"|[^\s",;]*)\s*'
_PAIRS: Final = re.compile(f"{_PAIR}(?:;{_PAIR})*")
_FOR: Final = re.compile(r'(?:^|;)\s*for=(?:"([^"]*)"|([^\s";]*))', re.IGNORECASE)
_PORT: Final = re.compile(r"\[([^\]]*)\](?::\d*)?|([^:]*):\d*")
"""An address and a port; an IPv6 address has brackets then."""


@dataclass(frozen=True, slots=True)
class TrustedProxies:
    """Addresses whose headers are believed; none by default.

    Attributes:
        networks: Where the proxies are.
    """

    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read addresses and networks that are separated by commas, as the settings have them.

        Raises:
            ValueError: One is no address, or stands for all there are.
        """
        names = [name.strip() for name in text.split(",") if name.strip()]
        return cls(tuple(_network(name) for name in names))

    def trusts(self, address: str) -> bool:
        """Whether it is an address of theirs."""
        if not self.networks:
            return False
        found = _address(address)
        return found is not None and any(found in network for network in self.networks)

    def client(self, peer: str, forwarded_for: Sequence[str], forwarded: Sequence[str]) -> str:
        """Give the address of who asks.

        Where both headers are there and name different clients, a client wrote one of them, and neither is believed.

        Args:
            peer: Other end of the connection.
            forwarded_for: All values of `X-Forwarded-For`.
            forwarded: All values of `Forwarded`.
        """
        if not self.trusts(peer):
            return peer
        ways = [",".join(forwarded_for).split(",") if forwarded_for else [], list(_hops(forwarded))]
        found = {self._last_foreign(peer, hops) for hops in ways if hops}
        return found.pop() if len(found) == 1 else peer

    def _last_foreign(self, peer: str, hops: Sequence[str]) -> str:
        nearest = peer
        for hop in reversed(hops):
            address = _address(_without_port(hop.strip()))
            if address is None:
                break
            nearest = str(address)
            if not self.trusts(nearest):
                break
        return nearest


class ClientShares:
    """Bounds the requests under way of one client.

    Args:
        most: How many there are at once.
    """

    def __init__(self, most: int) -> None:
        self._most = max(1, most)
        self._taken: Counter[str] = Counter()

    @contextmanager
    def one(self, client: str) -> Iterator[bool]:
        """Be one of them; False, and none, where there are as many already."""
        if self._taken[client] >= self._most:
            yield False
            return
        self._taken[client] += 1
        try:
            yield True
        finally:
            self._taken[client] -= 1
            if not self._taken[client]:
                del self._taken[client]


def checked_proxies(text: str) -> str:
    """Give the text of a setting as it is.

    Raises:
        ValueError: It can't be read.
    """
    TrustedProxies.parse(text)
    return text


def _network(name: str) -> IPv4Network | IPv6Network:
    try:
        network = ip_network(name, strict=False)
    except ValueError:
        raise ValueError(f"{name[:80]!r} is neither an address nor a network like 10.0.0.0/8") from None
    if not network.prefixlen:
        raise ValueError(f"{name!r} are all addresses there are; name those of the proxies")
    return network


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def _without_port(text: str) -> str:
    found = _PORT.fullmatch(text)
    return text if found is None else found[1] or found[2] or ""


def _hops(forwarded: Iterable[str]) -> Iterator[str]:
    """Give the `for` of each element; an empty text for one that has none, or several, or isn't well formed."""
    for element in _ELEMENT.findall(",".join(forwarded)):
        # a client's open quotation mark may reach into what a proxy added
        found = _FOR.findall(element) if _PAIRS.fullmatch(element) else []
        yield found[0][0] or found[0][1] if len(found) == 1 else ""
