"""What a city calls what its gateways hear: rules, then pseudonyms, applied to what decoders read. No file, no clock.

`Decoding` goes from bytes to named readings: an input calls it, and a re-drive calls it later with the same bytes.
"""

import re
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from city.errors import Malformed, Reason
from city.reading import Reading
from city.wire.pack import Undecoded
from gateway.decoders import DECODERS, Context, DecodeError, Origin, checked
from gateway.decoders.mapping import JsonMapping
from gateway.naming.pseudonyms import Pseudonyms
from gateway.naming.rules import Codecs, Rule
from gateway.naming.sources import Source, Sources, SourceState

MARK: Final = "pseudonyms"
"""In an origin: the mark of the key with which the gateway hides personal ids."""


class Naming:
    """All rules of one gateway.

    Args:
        devices: A decoder's id (`eui-...`, `imei-...`) to what is said of it.
        patterns: Patterns of match keys with what is said of all that comes so; the first that matches counts, and only
            for devices that `devices` lacks. A match key is the MQTT topic, or `input/decoder` where there is none.
        mappings: Name to mapping of foreign JSON.
        pseudonyms: Hides personal ids.

    Attributes:
        mark: Names the key of the pseudonyms; empty without.
    """

    def __init__(
        self,
        devices: Mapping[str, Rule] = MappingProxyType({}),
        patterns: tuple[tuple[re.Pattern[str], Rule], ...] = (),
        mappings: Mapping[str, JsonMapping] = MappingProxyType({}),
        pseudonyms: Pseudonyms | None = None,
    ) -> None:
        self._devices = devices
        self._patterns = patterns
        self.mappings = mappings
        self._pseudonyms = pseudonyms
        self._codecs = {device: rule.codec for device, rule in devices.items() if rule.codec is not None}
        self._match = lru_cache(maxsize=4096)(self._find_match)
        self.mark = "" if pseudonyms is None else pseudonyms.mark

    def context(self, origin: Origin, received_ns: int) -> Context:
        """Give the decoder's context; nanoseconds UTC."""
        rule = self.shared_rule(origin)
        return Context(
            received_ns,
            origin.parameters.get("device"),
            origin.parameters.get("kind"),
            origin.parameters,
            self._codecs if rule is None or rule.codec is None else Codecs(self._codecs, rule.codec),
            self.mappings,
        )

    def shared_rule(self, origin: Origin) -> Rule | None:
        """Find what is said of all that has this origin's match key; None: nothing."""
        if not self._patterns:
            return None
        # of other inputs the topic is a parameter that any sender can choose
        topic = origin.parameters.get("topic") if origin.input == "mqtt" else None
        return self._match(topic or f"{origin.input}/{origin.decoder}")

    def rule(self, device: str, shared: Rule | None) -> Rule | None:
        """Find what is said of a decoder's device; None: nothing."""
        return self._devices.get(device, shared)

    def displayed(self, device: str) -> str:
        """Give a decoder's id as it may be displayed: its pseudonym if it has one."""
        return device if self._pseudonyms is None else self._pseudonyms.device(device)

    def name(self, reading: Reading, rule: Rule | None) -> Reading | None:
        """Name a reading as its rule says; None if nothing of it is kept.

        Raises:
            Malformed: A value doesn't fit its unit.
        """
        named = reading if rule is None else rule.apply(reading)
        return named if named is None or self._pseudonyms is None else self._pseudonyms.hide(named)

    def _find_match(self, match_key: str) -> Rule | None:
        return next((rule for pattern, rule in self._patterns if pattern.fullmatch(match_key)), None)


class Decoding:
    """Decoders under one city's names.

    Args:
        naming: The names; none by default.
        sources: The list of sources that were seen.

    Attributes:
        sources: The list.
        failures: Reason to how many payloads were refused.
    """

    def __init__(self, naming: Naming | None = None, sources: Sources | None = None) -> None:
        self._naming = naming or Naming()
        self.sources = Sources() if sources is None else sources
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
            undecoded.append(Undecoded(self._marked(origin), kept, received_ns, str(error.reason), error.detail))
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
            return decoder(payload, self._naming.context(origin, received_ns))
        except DecodeError:
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
