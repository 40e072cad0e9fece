"""What `korat up` prints at its end: what the ledger knows, and what waits for the next start."""

import asyncio

from city.errors import KoratError
from city.ledger.port import GatewayRow
from gateway.outbox.spool_file import pending_readings
from korat.backends import Backends
from korat.inspect import HOURS, figures, recent_account
from korat.settings import PlatformSettings

ANSWER_S = 1.0


async def shutdown_report(settings: PlatformSettings, backends: Backends) -> list[str]:
    """Give the sentences on what is settled and what isn't, after every room has stopped."""
    try:
        async with asyncio.timeout(ANSWER_S):
            account = await recent_account(backends.ledger)
            rows = await backends.ledger.gateways()
    except (KoratError, TimeoutError) as error:
        return [f"Stopped. The ledger does not answer ({error or 'it is busy'}); `korat ledger` shows it later."]
    numbers = figures(account)
    received = numbers.pop("received")
    gaps = numbers.pop("gaps")
    del numbers["pending"]
    outcomes = ", ".join(f"{value:,} {name}" for name, value in numbers.items())
    lines = [f"Stopped. Of {received:,} readings received in the last {HOURS} hours: {outcomes}."]
    if not account.counts.is_balanced():
        lines.append("These do not add up: please report it.")
    if gaps:
        lines.append(f"{gaps:,} readings are missing between packs; `korat ledger --by gateway` says whose.")
    lines.append(await _waiting(settings, rows))
    return lines


async def _waiting(settings: PlatformSettings, rows: list[GatewayRow]) -> str:
    own = settings.gateway.id
    spooled = await asyncio.to_thread(_spooled, settings)
    parts = [f"{'an unknown number of' if spooled is None else f'{spooled:,}'} readings in the spool of {own}"]
    for row in rows:
        if row.gateway != own and row.pending != 0:
            known = "an unknown number" if row.pending is None else f"{row.pending:,}"
            parts.append(f"{row.gateway} held {known} at its last status")
    return (
        f"Not settled yet: {'; '.join(parts)}; messages that ingest had not settled wait at the broker. "
        "All of it goes on at the next start."
    )


def _spooled(settings: PlatformSettings) -> int | None:
    """Count what our own gateway still holds; its spool is closed by now."""
    if not settings.spool_file.exists():
        return 0
    try:
        return pending_readings(settings.spool_file, settings.gateway.id)
    except KoratError:
        return None
