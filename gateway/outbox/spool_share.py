"""What undecoded bytes may take of the spool: garbage is condensed long before good readings are refused.

A condensed item stands for many payloads of one origin and reason: how many, their bytes, a hash, and the beginning of
the first one. It is in the same commit as they would have been, so a sender is still answered only after the disk.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from city import disk
from city.wire.pack import Undecoded
from gateway.outbox.group_commit import Contents

MAX_SAMPLE: Final = 256
"""Bytes of the first payload that a condensed item keeps, and letters of its origin."""

_MAX_DETAIL: Final = 200


class SpoolShare:
    """Undecoded bytes that wait in the spool, by input.

    Args:
        file: The spool's file.
        max_bytes: The spool's bound. All undecoded bytes take at most a fourth of it, those of one input a
            sixteenth, and none while more than the half of it is used.
    """

    def __init__(self, file: Path, max_bytes: int) -> None:
        self._folder = file.parent
        self._max_bytes = max_bytes
        self._taken: defaultdict[str, int] = defaultdict(int)
        self._total = 0

    def emptied(self) -> None:
        """Count from zero: nothing waits any more."""
        self._taken.clear()
        self._total = 0

    def condense(self, packs: Iterable[Contents], used_bytes: int) -> list[Contents]:
        """Condense what is beyond the share; packs without undecoded bytes stay as they are."""
        packs = list(packs)
        if not any(contents.undecoded for contents in packs):
            return packs
        is_short = used_bytes > self._max_bytes // 2 or disk.is_short(self._folder)
        return [Contents(readings, self._condensed(undecoded, is_short=is_short)) for readings, undecoded in packs]

    def _condensed(self, undecoded: list[Undecoded], *, is_short: bool) -> list[Undecoded]:
        kept: list[Undecoded] = []
        beyond: defaultdict[tuple[str, str], list[Undecoded]] = defaultdict(list)
        for item in undecoded:
            # an input, not a device: names are the sender's, and this must not grow with them
            source = item.origin.partition("?")[0][:MAX_SAMPLE]
            size = len(item.payload) + len(item.origin) + len(item.detail)
            if (
                is_short
                or self._taken[source] + size > self._max_bytes // 16
                or self._total + size > self._max_bytes // 4
            ):
                beyond[source, item.reason].append(item)
                continue
            self._taken[source] += size
            self._total += size
            kept.append(item)
        kept += [_condense(items) for items in beyond.values()]
        return kept


def _condense(items: list[Undecoded]) -> Undecoded:
    first, digest = items[0], hashlib.sha256()
    for item in items:
        digest.update(hashlib.sha256(item.payload).digest())
    return Undecoded(
        first.origin[:MAX_SAMPLE],
        first.payload[:MAX_SAMPLE],
        first.received_at_ns,
        first.reason,
        f"{len(items)} payloads beyond the spool's share, sha256 {digest.hexdigest()}; {first.detail[:_MAX_DETAIL]}",
        sum(item.payloads for item in items),
        sum(len(item.payload) for item in items),
    )
