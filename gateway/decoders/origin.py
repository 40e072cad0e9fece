"""Where bytes came from, as one line that survives in quarantine: `http:native?device=a&kind=b`.

It holds all that a decoder was told, so that the bytes can be decoded again.
"""

from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

from city.errors import Malformed, Reason


class Origin(NamedTuple):
    """A parsed origin: the link, the decoder's name, and what else was known."""

    link: str
    decoder: str
    parameters: dict[str, str]

    def __str__(self) -> str:
        query = urlencode(self.parameters)
        return f"{self.link}:{self.decoder}{'?' if query else ''}{query}"


def parse(origin: str) -> Origin:
    """Read a line back.

    Raises:
        Malformed: `no_codec`: no link or no decoder in it, or a query that isn't one.
    """
    link, colon, rest = origin.partition(":")
    decoder, _, query = rest.partition("?")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True, errors="strict") if query else []
    except ValueError as error:
        raise Malformed(Reason.NO_CODEC, f"{origin[:200]!r} has no readable query: {error}") from None
    if not (link and colon and decoder):
        raise Malformed(Reason.NO_CODEC, f"{origin[:200]!r} is not link:decoder?key=value")
    return Origin(link, decoder, dict(pairs))
