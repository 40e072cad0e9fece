"""Whatever order and however often packs come, and to whichever worker, the books end the same."""

from collections.abc import Awaitable, Callable
from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from city.errors import Conflict
from city.ledger import Ledger
from city.ledger.port import By, PackClaim, PackId, Settlement, Source
from city.outcomes import Counts

Opened = Callable[[], Awaitable[Ledger]]
SIZES = (3, 0, 7, 1, 4, 9, 2, 6)
"""Readings in packs 1, 2, ..."""

_runs = count(1)

arrivals = st.lists(
    st.tuples(
        st.integers(0, 1), st.booleans(), st.lists(st.integers(1, len(SIZES)), min_size=1, max_size=4, unique=True)
    ),
    max_size=12,
)
"""Flushes: the worker, whether it refreshes first, and its packs."""


async def settle(ledger: Ledger, gateway: str, seqs: list[int], *, refreshed: bool) -> None:
    """Do as ingest does: drop what is settled, and load again when somebody was faster."""
    while seqs:
        if refreshed:
            dedup = await ledger.refresh()
            seqs = [seq for seq in seqs if not dedup.has_pack(PackId(gateway, "b", seq))]
        settlement = Settlement(1)
        for seq in seqs:
            settlement.packs.append(PackClaim(PackId(gateway, "b", seq), sum(SIZES[: seq - 1]), SIZES[seq - 1]))
            settlement.counts[Source(gateway, f"d{seq % 3}")].received += SIZES[seq - 1]
            settlement.counts[Source(gateway, f"d{seq % 3}")].stored += SIZES[seq - 1]
        try:
            await ledger.settle(settlement)
        except Conflict:
            refreshed = True
        else:
            return


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arrivals=arrivals)
async def test_packs_count_once_in_any_order(
    two: tuple[Ledger, Ledger], arrivals: list[tuple[int, bool, list[int]]]
) -> None:
    gateway = f"gw-{next(_runs):06d}"
    for worker, refreshed, seqs in arrivals:
        await settle(two[worker], gateway, seqs, refreshed=refreshed)
    came = {seq for _, _, seqs in arrivals for seq in seqs}
    before_last = sum(SIZES[: max(came, default=0)])
    stored = sum(SIZES[seq - 1] for seq in came)
    for ledger in two:
        dedup = await ledger.refresh()
        assert {seq for seq in range(12) if dedup.has_pack(PackId(gateway, "b", seq))} == came
        found = [a for a in await ledger.account(0, 9, By.GATEWAY, after=gateway[:-1], limit=9999) if a.key == gateway]
        assert [(a.counts, a.gaps) for a in found] == ([(Counts(stored, stored), before_last - stored)] if came else [])
