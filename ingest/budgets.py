"""What one source may use up in an hour: its excess goes to quarantine, and no other source is touched.

Each bound is the offender's first: a device's, then its gateway's (or its province's, for devices that publish
themselves), and all together last.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

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
    """Readings of a gateway's devices this hour; a device's number is its position in `used`."""

    numbers: dict[str, int] = field(default_factory=dict)
    used: NDArray[np.int64] = field(default_factory=lambda: np.zeros(64, np.int64))


@dataclass(slots=True)
class Budgets:
    """Counts the hour's use by source.

    A device is charged as (gateway, device), so that no gateway uses up what is another's. What names no device, and
    what invents devices, is charged to (gateway, ""); direct devices have their province for a gateway.
    """

    settings: IngestSettings
    hour: int = 0
    usage: dict[Source, _Usage] = field(default_factory=dict)
    rows: defaultdict[str, _Rows] = field(default_factory=lambda: defaultdict(_Rows))
    admitted_devices: set[str] = field(default_factory=set)
    known_quantities: set[str] = field(default_factory=lambda: set(QUANTITIES))

    def start_hour(self, now_ns: int) -> None:
        """Count from zero when a new hour has begun."""
        if now_ns // HOUR_NS != self.hour:
            self.hour = now_ns // HOUR_NS
            self.usage.clear()
            self.rows.clear()
            self.admitted_devices.clear()

    def charge_message(self, source: Source, size: int) -> None:
        """Charge a direct message to its device, or a pack to its gateway.

        Raises:
            Malformed: `budget_messages` or `budget_bytes`.
        """
        own = self.settings
        if source.device:
            max_messages, max_bytes = own.device_messages, own.device_bytes
        else:
            max_messages, max_bytes = own.gateway_messages, own.gateway_bytes
        account = self.usage.get(source) or self._account(source)
        account.messages += 1
        account.bytes += size
        if account.messages > max_messages:
            raise Malformed(Reason.BUDGET_MESSAGES, f"{_name(source)}: over {max_messages} messages this hour")
        if account.bytes > max_bytes:
            raise Malformed(Reason.BUDGET_BYTES, f"{_name(source)}: over {max_bytes} bytes this hour")

    def charge_rows(self, gateway: str, devices: Sequence[str], rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Charge the readings of a pack to their devices, as if each had come as a message.

        Args:
            gateway: Whose pack it is.
            devices: The distinct devices, (m,).
            rows: Readings of each, (m,).

        Returns:
            (m,) which devices are over their budget now.
        """
        counted = self.rows[gateway]
        numbers = counted.numbers
        index = [numbers.setdefault(device, len(numbers)) for device in devices]
        if len(numbers) > len(counted.used):
            counted.used = np.concatenate([counted.used, np.zeros(len(numbers), np.int64)])
        used = counted.used[index] + rows
        counted.used[index] = used
        return used > self.settings.device_messages

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
        """Charge quantities that neither the catalog nor this process knows: each makes a column in the store.

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

    def _account(self, source: Source) -> _Usage:
        account = self.usage.get(source)
        if account is None:
            if source.device and len(self.usage) >= MAX_ACCOUNTS:
                source = _OTHERS
            account = self.usage.setdefault(source, _Usage())
        return account


def _name(source: Source) -> str:
    return source.device or source.gateway
