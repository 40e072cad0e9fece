"""Whether a request to an open door comes from a web page of another site.

A door without keys trusts this machine, and a browser on it carries the requests of any page. Three headers that a page
can't forge tell: `Host` (a foreign name that was bound to 127.0.0.1 stays a foreign name: DNS rebinding), `Origin`
(RFC 6454) and `Sec-Fetch-Site` (Fetch Metadata). Devices and command lines send no `Origin`, and pass.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self
from urllib.parse import urlsplit

from city.network import is_loopback

_OWN: Final = frozenset({"same-origin", "none"})
"""Values of `Sec-Fetch-Site` for our own page, and for a typed address. `same-site` is another port of this host."""


@dataclass(frozen=True, slots=True)
class OpenSite:
    """What an open door answers to.

    Attributes:
        hosts: Names beside the loopback's, in lower case, without a port.
    """

    hosts: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, names: str) -> Self:
        """Read names that are separated by commas, as the settings have them."""
        return cls(frozenset(name.strip().lower() for name in names.split(",") if name.strip()))

    def refusal(self, headers: Mapping[str, Sequence[str]], *, only_looks: bool) -> str:
        """Say why a request is refused; empty if it is not.

        Args:
            headers: All values of `host`, `origin`, `referer`, `sec-fetch-site`, `sec-fetch-mode`.
            only_looks: The request changes nothing, so a link on another page may lead to it: that page doesn't see the
                answer.
        """
        hosts = headers.get("host", ())
        if len(hosts) > 1 or not all(self._is_ours(host) for host in hosts):
            return "this door is open to this machine alone, and Host names another one"
        host = hosts[0].lower() if hosts else ""
        for origin in headers.get("origin", ()):
            if not self._is_of(origin, host):
                return f"a page of {origin[:100]!r} may not use this door"
        if only_looks and list(headers.get("sec-fetch-mode", ())) == ["navigate"]:
            return ""
        said = headers.get("sec-fetch-site", ())
        if any(value not in _OWN for value in said):
            return "a page of another site may not use this door"
        # a browser tells Sec-Fetch-Site to https and to the loopback only
        told = said or headers.get("origin", ()) or only_looks
        if not told and not all(self._is_of(page, host) for page in headers.get("referer", ())):
            return "a page of another site may not use this door"
        return ""

    def _is_ours(self, authority: str) -> bool:
        name = _name(f"//{authority}")
        return _is_loopback(name) or name in self.hosts

    def _is_of(self, address: str, host: str) -> bool:
        try:
            authority = urlsplit(address).netloc.lower()
        except ValueError:
            return False
        return bool(authority) and (authority == host or _name(f"//{authority}") in self.hosts)


@lru_cache(maxsize=256)  # a device says the same Host each time
def _name(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "").removesuffix(".")
    except ValueError:
        return ""


_is_loopback: Final = lru_cache(maxsize=256)(is_loopback)
