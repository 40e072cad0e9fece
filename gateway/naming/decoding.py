"""From bytes to named readings: what an input calls, and what a re-drive calls later with the same bytes."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from city.errors import Malformed, Reason
from city.names import MakeId, made_id
from city.reading import Reading
from city.wire.direct import apart
from city.wire.pack import Undecoded
from gateway.decoders import DECODERS, DecodeError, Origin, checked
from gateway.decoders.mapping import JsonMapping
from gateway.naming.naming import Naming
from gateway.naming.sources import Source, Sources, SourceState

MARK: Final = "pseudonyms"
"""In an origin: the mark of the key with which the gateway hides personal ids."""


class Decoding:
    """Decoders under one city's names.

    Args:
        naming: The names; none by default.
        sources: The list of sources that were seen.
        ids: Gives a device's id by its foreign name.

    Attributes:
        sources: The list.
        ids: Gives a device's id by its foreign name.
        failures: Reason to how many payloads were refused.
    """

    def __init__(self, naming: Naming | None = None, sources: Sources | None = None, ids: MakeId = made_id) -> None:
        self._naming = naming or Naming()
        self.sources = Sources() if sources is None else sources
        self.ids = ids
        self.failures: Counter[str] = Counter()

    @property
    def mappings(self) -> Mapping[str, JsonMapping]:
        """Mappings of foreign JSON, by name."""
        return self._naming.mappings

    def decode(self, origin: Origin, payload: bytes, received_ns: int) -> tuple[list[Reading], list[Undecoded]]:
        """Decode what an input got; bytes that the decoder refuses come back as one `Undecoded`.

        So does the rest of bytes of which it reads a part, beside the readings of that part.
        """
        undecoded: list[Undecoded] = []
        try:
            decoded = self._decoded(origin, payload, received_ns)
            named = self._named(origin, decoded)
        except Malformed as error:
            self.failures[str(error.reason)] += 1
            decoded, named, rest = self._good_among(origin, error)
            kept = payload if rest is None else rest
            # behind what was read of the same bytes: tried again, rows without a time must not overwrite it
            kept_ns = received_ns + len(decoded)
            undecoded.append(Undecoded(self._marked(origin), kept, kept_ns, str(error.reason), error.detail))
        for one, other in zip(decoded, named, strict=True):
            displayed = self._naming.displayed(one.device)
            source = self.sources.find(displayed) or self._add(displayed, origin, one, other, received_ns)
            source.note(one, other or one, received_ns)
        return [reading for reading in named if reading is not None], undecoded

    def decode_again(self, origin: str, payload: bytes, received_ns: int) -> list[Reading]:
        """Decode bytes as they would be today, had they the same origin.

        Args:
            origin: `Undecoded.origin`: `input:decoder?key=value&...`.
            payload: The bytes.
            received_ns: When the gateway got them, nanoseconds UTC.

        Raises:
            Malformed: The decoder (still) refuses them; or `no_codec`: there is none of that name, or the gateway hides
                personal ids with a key that is missing here.
        """
        parsed = Origin.parse(origin)
        mark = parsed.parameters.pop(MARK, "")
        if mark and mark != self._naming.mark:
            raise DecodeError(Reason.NO_CODEC, "the gateway's [pseudonyms] and their key are missing here")
        named = self._named(parsed, self._decoded(parsed, payload, received_ns))
        return [reading for reading in named if reading is not None]

    def _marked(self, origin: Origin) -> str:
        mark = {MARK: self._naming.mark} if self._naming.mark else {}
        return str(origin._replace(parameters={**mark, **origin.parameters}))

    def _decoded(self, origin: Origin, payload: bytes, received_ns: int) -> list[Reading]:
        """Decode bytes by the decoder that their origin names; what comes out is not `checked` yet."""
        decoder = DECODERS.get(origin.decoder)
        if decoder is None:
            raise DecodeError(Reason.NO_CODEC, f"there is no decoder {origin.decoder[:80]!r}")
        try:
            return apart(decoder(payload, self._naming.context(origin, received_ns, self.ids)), received_ns)
        except DecodeError as error:
            error.good = apart(list(error.good), received_ns)
            raise
        except Exception as error:
            detail = f"{origin.decoder} failed: {type(error).__name__}: {error}"
            raise DecodeError(Reason.UNDECODED, detail) from error

    def _named(self, origin: Origin, decoded: list[Reading]) -> list[Reading | None]:
        """Give what each of a decoder's readings is called here; None for one of which nothing is kept."""
        naming = self._naming
        shared = naming.shared_rule(origin)
        named = [naming.name(reading, naming.rule(reading.device, shared)) for reading in decoded]
        checked([new or old for old, new in zip(decoded, named, strict=True)])
        return named

    def _good_among(self, origin: Origin, error: Malformed) -> tuple[list[Reading], list[Reading | None], bytes | None]:
        """Give what a decoder read of bytes that it refused, and the rest of them; None: they are all refused."""
        if not isinstance(error, DecodeError) or error.rest is None:
            return [], [], None
        good = list(error.good)
        try:
            return good, self._named(origin, good), error.rest
        except Malformed:
            return [], [], None

    def _add(self, displayed: str, origin: Origin, decoded: Reading, named: Reading | None, received_ns: int) -> Source:
        rule = self._naming.rule(decoded.device, self._naming.shared_rule(origin))
        if displayed != decoded.device or rule is not None:
            state = SourceState.MAPPED
        elif origin.decoder == "native" or "device" in origin.parameters:
            state = SourceState.NAMED
        else:
            state = SourceState.DISCOVERED
        device, kind = (displayed, decoded.kind) if named is None else (named.device, named.kind)
        return self.sources.add(
            Source(displayed, device, {kind}, state, f"{origin.input}:{origin.decoder}", received_ns)
        )
