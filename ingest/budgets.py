"""What one source may use up in an hour: its excess goes to quarantine, and no other source is touched.

Each bound is the offender's first: a device's, then its gateway's (or its province's, for devices that publish
themselves), and all together last. A gateway's packs and their rows are charged to their own hours: it keeps them
through an outage of days and then brings them at once.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from city.catalog import QUANTITIES
from city.errors import Malformed, Reason
from city.ledger.port import Source
from ingest.settings import IngestSettings

HOUR_NS: Final = 3_600 * 10**9

MAX_DEVICES: Final = 4
"""The devices of one gateway together bring at most the new quantities of so many."""

MAX_SOURCES: Final = 10
"""All sources together bring at most the new names of so many: a store pays for each with every device."""

BACKLOG_HOURS: Final = 168
"""What a gateway brings late is charged to its own hour of the week, however fast it comes after an outage.

From the hour before on it counts as present, or all clocks would be late when an hour begins.
Who lies about times has the budget of so many hours and no more; a backlog of many weeks is spread evenly.
"""

MAX_KNOWN: Final = 1_000_000
"""Quantities that are taken over from a store."""

MAX_ACCOUNTS: Final = 200_000
"""Sources that are counted one by one; what comes after so many in an hour shares one account."""

_ALL: Final = Source("*", "*")
_OTHERS: Final = Source("*", "")


@dataclass(slots=True)
class _Usage:
    messages: int = 0
    bytes: int = 0
    devices: int = 0
    quantities: int = 0


@dataclass(slots=True)
class _Rows:
    """Readings of a gateway's devices by their own hour.

    Attributes:
        numbers: Device to its column in `used`.
        used: Row 0 is the present hour and the one before. Once something came late, others follow, one for each of
            the `BACKLOG_HOURS`.
    """

    numbers: dict[str, int] = field(default_factory=dict)
    used: NDArray[np.int32] = field(default_factory=lambda: np.zeros((1, 64), np.int32))

    def reserve(self, hours: int) -> None:
        """Make room for all devices, and for so many hours."""
        rows, columns = self.used.shape
        if rows < hours or columns < len(self.numbers):
            wider = columns if columns >= len(self.numbers) else 2 * len(self.numbers)
            used = np.zeros((max(rows, hours), wider), np.int32)
            used[:rows, :columns] = self.used
            self.used = used


@dataclass(slots=True)
class Budgets:
    """Counts the hour's use by source.

    A device is charged as (gateway, device), so that no gateway uses up what is another's. What names no device, and
    what invents devices, is charged to (gateway, ""); direct devices have their province for a gateway.
    """

    settings: IngestSettings
    hour: int = 0
    usage: dict[Source, _Usage] = field(default_factory=dict)
    packs: dict[tuple[str, int], _Usage] = field(default_factory=dict)
    rows: defaultdict[str, _Rows] = field(default_factory=lambda: defaultdict(_Rows))
    admitted_devices: set[str] = field(default_factory=set)
    known_quantities: set[str] = field(default_factory=lambda: set(QUANTITIES))

    def learn_quantities(self, keys: Iterable[str]) -> None:
        """Take in what the store has a column for already, at most `MAX_KNOWN`: to use it again costs nothing."""
        self.known_quantities.update(itertools.islice(keys, MAX_KNOWN))

    def start_hour(self, now_ns: int) -> None:
        """Count from zero when a new hour has begun."""
        if now_ns // HOUR_NS != self.hour:
            self.hour = now_ns // HOUR_NS
            self.usage.clear()
            self.packs.clear()
            self.rows.clear()
            self.admitted_devices.clear()

    def charge_message(self, source: Source, size: int) -> None:
        """Charge a direct message to its device.

        Raises:
            Malformed: `budget_messages` or `budget_bytes`.
        """
        own = self.settings
        account = self.usage.get(source) or self._account(source)
        account.messages += 1
        account.bytes += size
        if account.messages > own.device_messages:
            raise Malformed(Reason.BUDGET_MESSAGES, f"{source.device}: over {own.device_messages} messages this hour")
        if account.bytes > own.device_bytes:
            raise Malformed(Reason.BUDGET_BYTES, f"{source.device}: over {own.device_bytes} bytes this hour")

    def charge_pack(self, gateway: str, size: int, time_ns: int) -> None:
        """Charge a pack to its gateway and its own hour, that of `time_ns`.

        Raises:
            Malformed: `budget_messages` or `budget_bytes`.
        """
        own, key = self.settings, (gateway, self._hour_of(time_ns // HOUR_NS))
        account = self.packs.get(key)
        if account is None:
            account = self.packs[key] = _Usage()
        account.messages += 1
        account.bytes += size
        if account.messages > own.gateway_messages:
            raise Malformed(Reason.BUDGET_MESSAGES, f"{gateway}: over {own.gateway_messages} packs of one hour")
        if account.bytes > own.gateway_bytes:
            raise Malformed(Reason.BUDGET_BYTES, f"{gateway}: over {own.gateway_bytes} bytes in packs of one hour")

    def charge_rows(
        self, gateway: str, devices: Sequence[str], index: NDArray[np.int32], time_ns: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Charge the readings of a block to their devices, each in its own hour as if it had come in time.

        Args:
            gateway: Whose pack it is.
            devices: The distinct devices, (m,).
            index: Row to position in `devices`, (n,).
            time_ns: Instant of each row, (n,).

        Returns:
            (n,) which rows are over their device's budget.
        """
        counted = self.rows[gateway]
        known = counted.numbers
        numbers = [known.setdefault(device, len(known)) for device in devices]
        most = self.settings.device_messages
        if time_ns.min() >= (self.hour - 1) * HOUR_NS:
            counted.reserve(1)
            present = counted.used[0]
            now_used = present[numbers] + np.bincount(index, minlength=len(numbers))
            present[numbers] = now_used
            return _over(now_used, most)[index]
        counted.reserve(1 + BACKLOG_HOURS)
        hours = time_ns // HOUR_NS
        hours = np.where(hours >= self.hour - 1, 0, 1 + hours % BACKLOG_HOURS)
        cells = hours * counted.used.shape[1] + np.array(numbers)[index]
        used: NDArray[np.int32] = counted.used.reshape(-1)
        np.add.at(used, cells, 1)
        return _over(used[cells], most)

    def admit_devices(self, group: Source, devices: Iterable[str]) -> set[str]:
        """Charge devices that are not registered yet, in order, each once an hour whoever names it.

        Args:
            group: The gateway, or the province of direct devices.
            devices: Distinct and not registered.

        Returns:
            Those that the budget has no room for.
        """
        account, total = self._account(group), self._account(_ALL)
        limit = self.settings.new_devices
        refused: set[str] = set()
        for device in devices:
            if device in self.admitted_devices:
                continue
            if account.devices >= limit or total.devices >= limit * MAX_SOURCES:
                refused.add(device)
                continue
            account.devices += 1
            total.devices += 1
            self.admitted_devices.add(device)
        return refused

    def admit_quantities(self, device: Source, group: Source, keys: Iterable[str]) -> set[str]:
        """Charge quantities that are in neither catalog nor store yet: each makes a column there.

        Args:
            device: Who brings them.
            group: Its gateway, or its province.
            keys: Of its reading.

        Returns:
            Those that the budget has no room for.
        """
        refused: set[str] = set()
        limit = self.settings.new_quantities
        for key in keys:
            if key in self.known_quantities:
                continue
            accounts = self._account(device), self._account(group), self._account(_ALL)
            limits = limit, limit * MAX_DEVICES, limit * MAX_SOURCES
            if any(account.quantities >= most for account, most in zip(accounts, limits, strict=True)):
                refused.add(key)
                continue
            for account in accounts:
                account.quantities += 1
            self.known_quantities.add(key)
        return refused

    def _hour_of(self, hour: int) -> int:
        """Give the account of an hour: the present one's, or one of the week before."""
        return self.hour if hour >= self.hour - 1 else hour % BACKLOG_HOURS

    def _account(self, source: Source) -> _Usage:
        account = self.usage.get(source)
        if account is None:
            if source.device and len(self.usage) >= MAX_ACCOUNTS:
                source = _OTHERS
            account = self.usage.setdefault(source, _Usage())
        return account


def _over(used: NDArray[np.integer[Any]], most: int) -> NDArray[np.bool_]:
    over: NDArray[np.bool_] = used > most
    return over
