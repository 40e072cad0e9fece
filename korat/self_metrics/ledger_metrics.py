"""The ledger's figures as readings: the counts of each hour by gateway, and how each gateway stands now."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import msgspec

from city.catalog import FIELD_KINDS, KINDS
from city.ledger.flush_counts import HOUR_NS
from city.ledger.port import Account, By, Ledger
from city.reading import Reading
from city.store.port import LatestQuery, Only, Store

DIRECT_NAME: Final = "direct"
"""What boards call the devices that publish themselves."""

_RECENT_HOURS: Final = 2
_FULL_HOURS: Final = 48
_FULL_EVERY: Final = 10
"""Every tenth time goes further back: a re-drive may have corrected an hour of yesterday."""

_SILENT_CADENCES: Final = 3
"""A device is silent after this many of its cadences without a value."""


@dataclass(slots=True)
class LedgerMetrics:
    """Reads the ledger's figures; those of an hour are published again only when they changed."""

    ledger: Ledger
    store: Store
    platform: str
    _published: dict[tuple[str, int], dict[str, float]] = field(default_factory=dict)
    _rounds: int = 0

    async def readings(self, now_ns: int, lags: dict[str, float]) -> list[Reading]:
        """Give all figures that are due now.

        Args:
            now_ns: Present time, nanoseconds UTC.
            lags: Gateway (empty: direct) to the longest time from measurement to store lately, in s.

        Raises:
            LedgerUnavailable: The ledger is down.
        """
        hours = _FULL_HOURS if self._rounds % _FULL_EVERY == 0 else _RECENT_HOURS
        self._rounds += 1
        present = now_ns // HOUR_NS * HOUR_NS
        readings = [
            reading
            for back in range(hours)
            for account in await self._hour(present - back * HOUR_NS)
            for reading in self._changed(account, present - back * HOUR_NS)
        ]
        accounts = await self.ledger.account(present, present + HOUR_NS, By.GATEWAY)
        online = {row.gateway: row.online for row in await self.ledger.gateways()}
        for account in accounts:
            values = {"readings_pending": float(account.pending), "readings_missing": float(account.gaps)}
            if account.key in online:
                values["gateway_online"] = float(online[account.key])
            if account.key in lags:
                values["end_to_end_latency"] = lags[account.key]
            readings.append(Reading(account.key or DIRECT_NAME, self.platform, now_ns, values))
        return readings

    async def device_counts(self) -> dict[str, float]:
        """Count the devices of the field that sent lately, and those that fell silent.

        Raises:
            StoreUnavailable: The store is down.
        """
        now_ns = time.time_ns()
        newest = await self.store.latest(LatestQuery(kinds=Only(frozenset(FIELD_KINDS))))
        silent = sum(
            now_ns - device.time_ns > _SILENT_CADENCES * KINDS[device.kind].cadence_s * 10**9 for device in newest
        )
        return {"devices_heard": float(len(newest) - silent), "devices_silent": float(silent)}

    async def _hour(self, start_ns: int) -> list[Account]:
        return await self.ledger.account(start_ns, start_ns + HOUR_NS, By.GATEWAY)

    def _changed(self, account: Account, hour_ns: int) -> Iterator[Reading]:
        counts = msgspec.structs.asdict(account.counts)
        values = {f"readings_{outcome}": float(readings) for outcome, readings in counts.items()}
        key = account.key, hour_ns
        if self._published.get(key, dict.fromkeys(values, 0.0)) != values:
            self._published[key] = values
            yield Reading(account.key or DIRECT_NAME, self.platform, hour_ns, values)
