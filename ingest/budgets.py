"""What one source may use up in an hour: its excess goes to quarantine, and no other source is touched."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from city.catalog import QUANTITIES
from city.errors import Malformed, Reason
from ingest.settings import IngestSettings

HOUR_NS: Final = 3_600 * 10**9
MAX_SOURCES: Final = 10
"""All sources together bring at most the new quantities of so many: a store pays for each with every device."""

_ALL: Final = ""


@dataclass(slots=True)
class _Usage:
    messages: int = 0
    bytes: int = 0
    devices: int = 0
    quantities: int = 0


@dataclass(slots=True)
class Budgets:
    """Counts the hour's use by source.

    A source is a gateway's id, a direct device's topic, or a province for its new direct devices.
    """

    settings: IngestSettings
    hour: int = 0
    usage: dict[str, _Usage] = field(default_factory=dict)
    known_quantities: set[str] = field(default_factory=lambda: set(QUANTITIES))

    def start_hour(self, now_ns: int) -> None:
        """Count from zero when a new hour has begun."""
        if now_ns // HOUR_NS != self.hour:
            self.hour = now_ns // HOUR_NS
            self.usage.clear()

    def charge_device(self, topic: str, size: int) -> None:
        """Charge a direct message to its device.

        Raises:
            Malformed: `budget_messages` or `budget_bytes`.
        """
        self._charge(topic, size, self.settings.device_messages, self.settings.device_bytes)

    def charge_gateway(self, gateway: str, size: int) -> None:
        """Charge a pack to its gateway.

        Raises:
            Malformed: `budget_messages` or `budget_bytes`.
        """
        self._charge(gateway, size, self.settings.gateway_messages, self.settings.gateway_bytes)

    def charge_new_devices(self, source: str, count: int) -> None:
        """Charge devices that are not registered yet.

        Raises:
            Malformed: `budget_devices`.
        """
        account = self._account(source)
        if account.devices + count > self.settings.new_devices:
            raise Malformed(Reason.BUDGET_DEVICES, f"{source}: over {self.settings.new_devices} new devices this hour")
        account.devices += count

    def charge_quantities(self, source: str, keys: Iterable[str]) -> None:
        """Charge quantities that neither the catalog nor this process knows: each makes a column in the store.

        Raises:
            Malformed: `budget_quantities`.
        """
        new = set(keys) - self.known_quantities
        if not new:
            return
        account, total = self._account(source), self._account(_ALL)
        limit = self.settings.new_quantities
        if account.quantities + len(new) > limit:
            raise Malformed(Reason.BUDGET_QUANTITIES, f"{source}: over {limit} new quantities this hour")
        if total.quantities + len(new) > limit * MAX_SOURCES:
            raise Malformed(
                Reason.BUDGET_QUANTITIES, f"all together: over {limit * MAX_SOURCES} new quantities this hour"
            )
        account.quantities += len(new)
        total.quantities += len(new)
        self.known_quantities |= new

    def _charge(self, source: str, size: int, max_messages: int, max_bytes: int) -> None:
        account = self.usage.get(source) or self._account(source)
        account.messages += 1
        account.bytes += size
        if account.messages > max_messages:
            raise Malformed(Reason.BUDGET_MESSAGES, f"{source}: over {max_messages} messages this hour")
        if account.bytes > max_bytes:
            raise Malformed(Reason.BUDGET_BYTES, f"{source}: over {max_bytes} bytes this hour")

    def _account(self, source: str) -> _Usage:
        account = self.usage.get(source)
        if account is None:
            account = self.usage[source] = _Usage()
        return account
