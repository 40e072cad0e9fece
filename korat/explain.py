"""`korat ledger explain`: which packs are missing, and what most likely became of them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from rich.console import Console

from city.errors import Reason
from city.ledger.port import GatewayRow, Ledger, QuarantineRow, QuarantineState
from city.ledger.retention import Gap, Restore
from korat.inspect import opened_ledger
from korat.settings import PlatformSettings

_PACKS: Final = (Reason.PACK_VERSION, Reason.PACK_MALFORMED, Reason.PACK_FOREIGN)
_MAX_HELD: Final = 1_000


async def explain(settings: PlatformSettings) -> None:
    """Print a paragraph for each gap, and what each gateway still holds.

    Raises:
        ConfigurationError: There is no ledger yet.
        LedgerUnavailable: The database is down.
    """
    async with opened_ledger(settings) as ledger:
        lines = await explanations(ledger)
    for line in lines:
        Console().print(line, highlight=False, markup=False, soft_wrap=True)


async def explanations(ledger: Ledger) -> list[str]:
    """Give the sentences of `explain`."""
    gaps, restores = await ledger.gaps(), await ledger.restores()
    gateways = {row.gateway: row for row in await ledger.gateways()}
    held: list[QuarantineRow] = []
    for reason in _PACKS:
        held += await ledger.quarantine(state=QuarantineState.HELD, reason=reason, limit=_MAX_HELD)
    lines = [
        f"The ledger was put back at {_text(one.at_ns)} to its state of {_text(one.commit_ns)}: what was settled "
        "between is forgotten here. The store may hold it; gateways send again what has no receipt yet."
        for one in restores
    ]
    lines += [f"{_name(gap)}: {_reason(gap, gateways.get(gap.gateway), restores, held)}" for gap in gaps]
    if not gaps:
        lines.append("No pack is missing between others.")
    lines += [
        f"{row.gateway} holds {row.pending:,} readings in {row.packs:,} packs without a receipt, by its status of "
        f"{_text(row.at_ns)}."
        for row in gateways.values()
        if row.pending
    ]
    return lines


def _name(gap: Gap) -> str:
    packs = f"pack {gap.first}" if gap.first == gap.last else f"packs {gap.first} to {gap.last}"
    return f"{packs} of {gap.gateway} (spool {gap.spool}), {gap.readings:,} readings, {_between(gap)}"


def _between(gap: Gap) -> str:
    if not gap.before_ns:
        return "at a time that is not known"
    if not gap.after_ns:
        return f"before {_text(gap.before_ns)}"
    first, last = sorted((gap.after_ns, gap.before_ns))
    return f"between {_text(first)} and {_text(last)}"


def _reason(gap: Gap, gateway: GatewayRow | None, restores: Sequence[Restore], held: Sequence[QuarantineRow]) -> str:
    """Say what became of a gap, the surest first."""
    for one in restores:
        if gap.after_ns <= one.at_ns <= gap.before_ns:
            return (
                f"settled before the ledger was put back at {_text(one.at_ns)}, and forgotten by that; they have "
                "receipts, so the gateway no longer has them. Look for them in the store"
            )
    copies = [
        row.quarantined.reason
        for row in held
        if row.quarantined.source.gateway == gap.gateway and gap.after_ns <= row.quarantined.received_ns
    ]
    if copies:
        return f"{len(copies):,} packs of this gateway are in quarantine ({', '.join(sorted(set(copies)))})"
    if gateway is None or gateway.spool != gap.spool:
        return "the gateway has another spool now: they were lost with this one, or wait where it was moved to"
    if gateway.packs:
        return f"the gateway still holds {gateway.packs:,} packs of this spool, and sends the oldest first"
    return "the gateway has nothing left of this spool; its log says what it gave up"


def _text(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
