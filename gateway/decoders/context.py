"""What a decoder is told beside the bytes, and how it refuses them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from city.catalog import KINDS
from city.errors import Malformed, Reason
from city.reading import Reading, checked_id


class DecodeError(Malformed):
    """These bytes are garbage to this decoder; `reason` and `detail` say why."""


@dataclass(frozen=True, slots=True)
class Context:
    """What is known beside the bytes.

    Attributes:
        received_ns: When the gateway got them, nanoseconds UTC.
        device: Device, if the link knows it; as it was given.
        kind: Kind, if the link knows it; as it was given.
        parameters: Whatever else the link knows: query parameters, the topic.
    """

    received_ns: int
    device: str | None = None
    kind: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)


Decode: TypeAlias = Callable[[bytes, Context], list[Reading]]
"""Pure: no socket, no clock. `[]` says that there is nothing to say; garbage raises `DecodeError`."""


def device_id(name: str) -> str:
    """Make a device id of a foreign name: lower case, other characters become `-`, and none of them leads.

    `urn:dev:ow:10e2073a01080063` becomes `urn-dev-ow-10e2073a01080063`.

    Raises:
        Malformed: `bad_device`: nothing is left, or more than 64 characters are.
    """
    return checked_id(re.sub(r"[^a-z0-9._-]", "-", name.lower()).lstrip("._-"))


def known_kind(kind: str) -> str:
    """Give back a kind of the catalog.

    Raises:
        Malformed: `unknown_kind`.
    """
    if kind not in KINDS:
        raise Malformed(Reason.UNKNOWN_KIND, f"no kind {kind[:80]!r}")
    return kind
