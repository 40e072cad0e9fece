"""From bytes to named readings: an input calls it, and a re-drive calls it later. No file, no clock.

What no reading came of comes back as `Undecoded`, for the quarantine: refused bytes or items; bytes whose numbers
nothing read, each time (`unread`); and bytes of which some numbers stay unread, once an hour for each source and set of
paths (`partly_read`, which stands beside the ledger's balance, because its readings are in it).
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import UNSET

from city.errors import Malformed, Reason
from city.names import MakeId, made_id
from city.reading import FIRST_NS, LAST_NS, Flag, Reading, checked_id, checked_quantity
from city.wire.direct import MAX_VALUES, apart, to_position
from city.wire.pack import Undecoded
from gateway.decoders import DECODERS, Decoded, DecodeError, Origin
from gateway.decoders.decoder import known_kind
from gateway.decoders.mapping import JsonMapping
from gateway.naming.naming import Naming
from gateway.naming.sources import Source, Sources, SourceState

MARK: Final = "pseudonyms"
"""In an origin: the mark of the key with which the gateway hides personal ids."""

_MAX_NAMED: Final = 20
"""Unread paths that a sentence names."""

_CODES: Final = frozenset(map(int, Flag))


class Decoding:
    """Decoders under one city's names.

    Args:
        naming: The names; none by default.
        sources: The list of sources that were seen.
        ids: Gives a device's id by its foreign name.

    Attributes:
        sources: The list.
        ids: Gives a device's id by its foreign name.
        failures: Reason to how many payloads and items were refused.
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
        """Decode what an input got, beside what no reading came of."""
        undecoded: list[Undecoded] = []
        try:
            decoded = self._decoded(origin, payload, received_ns)
            made, named = self._named(origin, decoded, payload)
        except Malformed as error:
            self.failures[str(error.reason)] += 1
            return [], [self._undecoded(origin, payload, received_ns, error)]
        for one, other in zip(made, named, strict=True):
            displayed = self._naming.displayed(one.device)
            source = self.sources.find(displayed) or self._add(displayed, origin, one, other, received_ns)
            source.note(one, other or one, received_ns)
        rest = decoded.rest
        if rest.refused:
            self.failures.update(str(item.error.reason) for item in rest.refused)
            undecoded += self._refused(origin, decoded, received_ns)
        if rest.unread and self._is_new(made, rest.unread, received_ns):
            undecoded.append(self._undecoded(origin, payload, received_ns, _partly_read(rest.unread)))
        return [reading for reading in named if reading is not None], undecoded

    def decode_again(self, origin: str, payload: bytes, received_ns: int) -> tuple[list[Reading], list[Undecoded]]:
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
        decoded = self._decoded(parsed, payload, received_ns)
        _, named = self._named(parsed, decoded, payload)
        rest = decoded.rest
        left = self._refused(parsed, decoded, received_ns)
        if rest.unread:
            left.append(self._undecoded(parsed, payload, received_ns, _partly_read(rest.unread)))
        return [reading for reading in named if reading is not None], left

    def _refused(self, origin: Origin, decoded: Decoded, received_ns: int) -> list[Undecoded]:
        # behind what was read of the same bytes: tried again, rows without a time must not overwrite it
        numbered = enumerate(decoded.rest.refused, start=len(decoded.readings))
        return [self._undecoded(origin, item, received_ns + number, why) for number, (item, why) in numbered]

    def _undecoded(self, origin: Origin, payload: bytes, received_ns: int, error: Malformed) -> Undecoded:
        mark = {MARK: self._naming.mark} if self._naming.mark else {}
        marked = str(origin._replace(parameters={**mark, **origin.parameters}))
        return Undecoded(marked, payload, received_ns, str(error.reason), error.detail)

    def _decoded(self, origin: Origin, payload: bytes, received_ns: int) -> Decoded:
        """Decode bytes by the decoder that their origin names; what comes out is not `checked` yet.

        Raises:
            DecodeError: It refuses them, there is none of that name, or it read no number of them (`unread`).
        """
        decoder = DECODERS.get(origin.decoder)
        if decoder is None:
            raise DecodeError(Reason.NO_CODEC, f"there is no decoder {origin.decoder[:80]!r}")
        try:
            decoded = decoder(payload, self._naming.context(origin, received_ns, self.ids))
        except DecodeError:
            raise
        except Exception as error:
            detail = f"{origin.decoder} failed: {type(error).__name__}: {error}"
            raise DecodeError(Reason.UNDECODED, detail) from error
        if decoded.rest.unread and not decoded.readings:
            raise DecodeError(Reason.UNREAD, f"nothing reads {_listed(decoded.rest.unread)}")
        if len(decoded.readings) > 1:
            decoded.readings = apart(decoded.readings, received_ns)
        return decoded

    def _named(self, origin: Origin, decoded: Decoded, payload: bytes) -> tuple[list[Reading], list[Reading | None]]:
        """Give what a decoder read, and beside each what it is called here; None: nothing of it is kept.

        One reading that can't be named takes no other along.

        Then the bytes are kept whole, for a decoder that wrote them anew without the others would have to know the
        names; the others are only written twice when they are tried again.

        Raises:
            Malformed: No reading can be named.
        """
        naming = self._naming
        shared = naming.shared_rule(origin)
        readings = decoded.readings
        try:
            named = [naming.name(reading, naming.rule(reading.device, shared)) for reading in readings]
            checked([new or old for old, new in zip(readings, named, strict=True)])
        except Malformed:
            if len(readings) == 1:
                raise
        else:
            return readings, named
        good: list[Reading] = []
        named = []
        refused: list[Malformed] = []
        for reading in readings:
            try:
                new = naming.name(reading, naming.rule(reading.device, shared))
                checked([new or reading])
            except Malformed as error:
                refused.append(error)
            else:
                good.append(reading)
                named.append(new)
        if not good:
            raise refused[0]
        decoded.rest.refuse(payload, refused[0])
        return good, named

    def _is_new(self, readings: Sequence[Reading], unread: Sequence[str], received_ns: int) -> bool:
        """Count unread paths for the sources of a payload, and say whether its bytes are worth keeping again."""
        paths = frozenset(unread)
        devices = dict.fromkeys(reading.device for reading in readings)
        sources = [self.sources.find(self._naming.displayed(device)) for device in devices]
        news = [source.note_unread(paths, received_ns) for source in sources if source is not None]
        return any(news)

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


def _partly_read(unread: Sequence[str]) -> DecodeError:
    return DecodeError(Reason.PARTLY_READ, f"nothing reads {_listed(unread)}")


def _listed(unread: Sequence[str]) -> str:
    names = sorted(set(unread))
    more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
    return ", ".join(name[:80] for name in names[:_MAX_NAMED]) + more


def checked(readings: Sequence[Reading]) -> Sequence[Reading]:
    """Give back readings that ingest will take; one that it won't would spoil the whole pack that it travels in.

    Raises:
        Malformed: A decoder made something else; under the reason that says what.
    """
    for reading in readings:
        checked_id(reading.device)
        known_kind(reading.kind)
        if not FIRST_NS <= reading.time_ns < LAST_NS:
            raise Malformed(Reason.BAD_TIME, f"{reading.time_ns} ns is outside 2000 to 2100")
        if not 0 < len(reading.values) <= MAX_VALUES:
            raise Malformed(Reason.NO_VALUES, f"{len(reading.values)} values; from 1 to {MAX_VALUES} are allowed")
        for key, value in reading.values.items():
            checked_quantity(key)
            if not math.isfinite(value):
                raise Malformed(Reason.NOT_FINITE, f"{key} is not finite")
        if reading.lat is not None or reading.lon is not None:
            lat, _ = to_position(*(UNSET if degrees is None else degrees for degrees in (reading.lat, reading.lon)))
            if lat is None:
                raise Malformed(Reason.BAD_POSITION, f"{reading.device} at 0, 0, which is no position")
        if reading.flags and not (
            reading.flags.keys() <= reading.values.keys() and _CODES.issuperset(reading.flags.values())
        ):
            raise Malformed(Reason.WRONG_TYPE, f"flags of {reading.device} that are none")
    return readings
