"""The ledger's numbers as people read them."""

import time
from typing import Final

import msgspec

from city.ledger.port import Account, By, Ledger

HOUR_NS: Final = 3_600 * 10**9
HOURS: Final = 24


async def recent_account(ledger: Ledger) -> Account:
    """Give the total of the hours that began in the last 24.

    Raises:
        LedgerUnavailable: The database is down.
    """
    now_ns = time.time_ns()
    (account,) = await ledger.account(now_ns - HOURS * HOUR_NS, now_ns + HOUR_NS, By.TOTAL)
    return account


def figures(account: Account) -> dict[str, int]:
    """The ledger's seven numbers, in their order."""
    return {**msgspec.structs.asdict(account.counts), "pending": account.pending, "gaps": account.gaps}
