"""What one source may use up in an hour: the offender's excess goes to quarantine, nobody else notices."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from city.catalog import QUANTITIES
from city.errors import Malformed, Reason
from ingest.settings import IngestSettings

HOUR_NS = 3_600 * 10**9
SOURCES = 10
"""All together bring no more new quantities than so many sources may: a store pays for each with every device."""

_ALL = ""


@dataclass(slots=True)
class _Spent:
    messages: int = 0
    bytes: int = 0
    devices: int = 0
    quantities: int = 0


@dataclass(slots=True)
class Budgets:
    """Counts the hour's use by source; a new hour forgives everything.

    A source is a gateway's id, a direct device's topic, or a province for its new direct devices.
    """

    settings: IngestSettings
    hour: int = 0
    spent: dict[str, _Spent] = field(default_factory=dict)
    known_quantities: set[str] = field(default_factory=lambda: set(QUANTITIES))

    def turn(self, now_ns: int) -> None:
        """Begin a new hour when it has come."""
        if now_ns // HOUR_NS != self.hour:
            self.hour = now_ns // HOUR_NS
            self.spent.clear()

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
        """Charge devices that nobody has seen before.

        Raises:
            Malformed: `budget_devices`.
        """
        account = self._account(source)
        if account.devices + count > self.settings.new_devices:
            raise Malformed(Reason.BUDGET_DEVICES, f"{source}: over {self.settings.new_devices} new devices this hour")
        account.devices += count

    def charge_quantities(self, source: str, keys: Iterable[str]) -> None:
        """Charge quantities that the catalog lacks and nobody has sent before: each makes a column in the store.

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
        if total.quantities + len(new) > limit * SOURCES:
            raise Malformed(Reason.BUDGET_QUANTITIES, f"all together: over {limit * SOURCES} new quantities this hour")
        account.quantities += len(new)
        total.quantities += len(new)
        self.known_quantities |= new

    def _charge(self, source: str, size: int, most_messages: int, most_bytes: int) -> None:
        account = self.spent.get(source) or self._account(source)
        account.messages += 1
        account.bytes += size
        if account.messages > most_messages:
            raise Malformed(Reason.BUDGET_MESSAGES, f"{source}: over {most_messages} messages this hour")
        if account.bytes > most_bytes:
            raise Malformed(Reason.BUDGET_BYTES, f"{source}: over {most_bytes} bytes this hour")

    def _account(self, source: str) -> _Spent:
        account = self.spent.get(source)
        if account is None:
            account = self.spent[source] = _Spent()
        return account
