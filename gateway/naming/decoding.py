"""From bytes to named readings: what a link calls, and what a re-drive calls later with the same bytes."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from city.errors import Malformed, Reason
from city.reading import Reading
from city.wire.pack import Undecoded
from gateway.decoders import DecodeError, Origin, checked, decode, parse
from gateway.decoders.mapping import JsonMapping
from gateway.naming.naming import Naming
from gateway.naming.sources import Source, Sources, State

MARK: Final = "pseudonyms"
"""In an origin: the mark of the key with which the gateway hides personal ids."""


class Decoding:
    """Decoders under one city's names.

    Args:
        naming: The names; none by default.
        sources: Where it is noted what was heard.

    Attributes:
        sources: What was heard.
        failures: Reason to how many payloads were not understood.
    """

    def __init__(self, naming: Naming | None = None, sources: Sources | None = None) -> None:
        self._naming = naming or Naming()
        self.sources = Sources() if sources is None else sources
        self.failures: Counter[str] = Counter()

    @property
    def mappings(self) -> Mapping[str, JsonMapping]:
        """Mappings of foreign JSON, by name."""
        return self._naming.mappings

    def understand(self, came: Origin, payload: bytes, received_ns: int) -> tuple[list[Reading], list[Undecoded]]:
        """Decode what a link got; bytes that no decoder understands come back as one `Undecoded`.

        So does the rest of bytes of which a part is understood, beside the readings of that part.
        """
        undecoded: list[Undecoded] = []
        try:
            heard, named = self._decode(came, payload, received_ns)
        except Malformed as error:
            self.failures[str(error.reason)] += 1
            marked = came._replace(parameters={**self._mark(), **came.parameters})
            heard, named, rest = self._good_among(came, error)
            kept = payload if rest is None else rest
            undecoded.append(Undecoded(str(marked), kept, received_ns, str(error.reason), error.detail))
        for one, other in zip(heard, named, strict=True):
            shown = self._naming.shown(one.device)
            source = self.sources.find(shown) or self._add(shown, came, one, other, received_ns)
            source.hear(one, other or one, received_ns)
        return [reading for reading in named if reading is not None], undecoded

    def decode_origin(self, origin: str, payload: bytes, received_ns: int) -> list[Reading]:
        """Decode bytes as they would be today, had they come this way.

        Args:
            origin: `Undecoded.source`: `link:decoder?key=value&...`.
            payload: The bytes.
            received_ns: When the gateway got them, nanoseconds UTC.

        Raises:
            Malformed: The decoder (still) refuses them; or `no_codec`: there is none of that name, or the gateway hides
                personal ids with a key that is missing here.
        """
        came = parse(origin)
        mark = came.parameters.pop(MARK, "")
        if mark and mark != self._naming.mark:
            raise Malformed(Reason.NO_CODEC, "the gateway's [pseudonyms] and their key are missing here")
        _, named = self._decode(came, payload, received_ns)
        return [reading for reading in named if reading is not None]

    def _mark(self) -> dict[str, str]:
        return {MARK: self._naming.mark} if self._naming.mark else {}

    def _decode(self, came: Origin, payload: bytes, received_ns: int) -> tuple[list[Reading], list[Reading | None]]:
        """Give the decoder's readings, and what each is called here."""
        return self._named(came, decode(came, payload, self._naming.context(came, received_ns)))

    def _named(self, came: Origin, heard: list[Reading]) -> tuple[list[Reading], list[Reading | None]]:
        naming = self._naming
        way = naming.way(came)
        named = [naming.name(reading, naming.rule(reading.device, way)) for reading in heard]
        checked([new or old for old, new in zip(heard, named, strict=True)])
        return heard, named

    def _good_among(self, came: Origin, error: Malformed) -> tuple[list[Reading], list[Reading | None], bytes | None]:
        """Give what a decoder understood of bytes that it refused, and the rest of them; None: they are all refused."""
        if not isinstance(error, DecodeError) or error.rest is None:
            return [], [], None
        try:
            return *self._named(came, list(error.good)), error.rest
        except Malformed:
            return [], [], None

    def _add(self, shown: str, came: Origin, heard: Reading, named: Reading | None, received_ns: int) -> Source:
        if shown != heard.device or self._naming.rule(heard.device, self._naming.way(came)) is not None:
            state = State.MAPPED
        elif came.decoder == "native" or "device" in came.parameters:
            state = State.NAMED
        else:
            state = State.DISCOVERED
        device, kind = (shown, heard.kind) if named is None else (named.device, named.kind)
        return self.sources.add(Source(shown, device, {kind}, state, f"{came.link}:{came.decoder}", received_ns))
