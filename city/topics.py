"""The names of the city's MQTT topics, both ways.

city/{province}/{workstream}/{kind}/{device}      a device's own readings
city/{province}/gateway/{gateway}/pack            a gateway's pack
city/{province}/gateway/{gateway}/receipt         ingest's receipt
city/{province}/gateway/{gateway}/status          retained status; the will says offline
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from city.catalog import KINDS, Workstream
from city.errors import Malformed, Reason
from city.reading import Reading, checked_id

EVERYTHING: Final = "city/#"
STATUSES: Final = "city/+/gateway/+/status"
PROVINCE_PATTERN: Final = re.compile(r"[a-z]{2}-[a-z0-9]{1,3}")
"""ISO 3166-2 in lower case."""

_WORKSTREAMS: Final = frozenset(map(str, Workstream))
_LEVELS: Final = 5
_GATEWAY_LEAVES: Final = frozenset({"pack", "receipt", "status"})


class Direct(NamedTuple):
    """A device's own topic."""

    province: str
    kind: str
    device: str


class OfGateway(NamedTuple):
    """A gateway's topic; `leaf` is pack, receipt or status."""

    province: str
    gateway: str
    leaf: str


@lru_cache(maxsize=65_536)
def parse(topic: str) -> Direct | OfGateway:
    """Understand a topic; cached, because a device publishes to the same one for years.

    Raises:
        Malformed: `bad_topic`, `bad_device`, `unknown_workstream` or `unknown_kind`.
    """
    levels = topic.split("/")
    if len(levels) != _LEVELS or levels[0] != "city":
        raise Malformed(Reason.BAD_TOPIC, f"{topic[:200]!r} is not city/province/workstream/kind/device")
    _, province, workstream, kind, device = levels
    if PROVINCE_PATTERN.fullmatch(province) is None:
        raise Malformed(Reason.BAD_TOPIC, f"{province[:80]!r} is not an ISO 3166-2 code in lower case")
    if workstream == "gateway":
        if device not in _GATEWAY_LEAVES:
            raise Malformed(Reason.BAD_TOPIC, f"a gateway has no topic {device[:80]!r}")
        return OfGateway(province, checked_id(kind), device)
    if workstream not in _WORKSTREAMS:
        raise Malformed(Reason.UNKNOWN_WORKSTREAM, f"{workstream[:80]!r} is no workstream")
    if kind not in KINDS or KINDS[kind].workstream != workstream:
        raise Malformed(Reason.UNKNOWN_KIND, f"{workstream} has no kind {kind[:80]!r}")
    return Direct(province, kind, checked_id(device))


def direct(province: str, kind: str, device: str) -> str:
    """Name the topic of a device's own readings."""
    return f"city/{province}/{KINDS[kind].workstream}/{kind}/{device}"


def of_reading(province: str, reading: Reading) -> str:
    """Name the topic on which a device would publish this reading itself."""
    return direct(province, reading.kind, reading.device)


def pack(province: str, gateway: str) -> str:
    """Name the topic of a gateway's packs."""
    return f"city/{province}/gateway/{gateway}/pack"


def receipt(province: str, gateway: str) -> str:
    """Name the topic of the receipts for a gateway."""
    return f"city/{province}/gateway/{gateway}/receipt"


def status(province: str, gateway: str) -> str:
    """Name the topic of a gateway's retained status."""
    return f"city/{province}/gateway/{gateway}/status"
