"""The Things Stack v3: uplinks as its integrations send them, as JSON (The Things Stack documentation, "Data formats").

One message, an array of them, or a line each; storage integrations wrap each as `{"result": ...}`. Joins, downlink
events, solved locations and normalized copies say nothing new: `[]`. What an uplink becomes is told in
`gateway.decoders.lorawan.uplink`.
"""

import re
from typing import Any, Final

import msgspec

from city.errors import Reason
from city.reading import Reading
from city.wire.direct import MAX_BYTES, Position, load, to_position, to_time_ns
from gateway.decoders.decoder import Context, DecodeError
from gateway.decoders.lorawan.fields import Budget
from gateway.decoders.lorawan.uplink import Uplink, best_radio, device_of, readings


class _Ids(msgspec.Struct, gc=False):
    device_id: str = ""
    dev_eui: str = ""


class _Reception(msgspec.Struct, gc=False):
    rssi: float | None = None
    snr: float | None = None


class _Version(msgspec.Struct, gc=False):
    brand_id: str = ""
    model_id: str = ""


class _Place(msgspec.Struct, gc=False):
    latitude: float | None = None
    longitude: float | None = None


class _Message(msgspec.Struct):
    f_port: int = 0
    frm_payload: str = ""
    decoded_payload: dict[str, Any] | None = None
    rx_metadata: list[_Reception] = []
    received_at: str | None = None
    version_ids: _Version | None = None
    locations: dict[str, _Place] = {}


class _Up(msgspec.Struct):
    end_device_ids: _Ids | None = None
    received_at: str | None = None
    uplink_message: _Message | None = None
    result: "_Up | None" = None


_decoder: Final = msgspec.json.Decoder(_Up | list[_Up])
_lines: Final = msgspec.json.Decoder(_Up)
_MAX_MESSAGES: Final = 250
_NEXT_LINE: Final = re.compile(rb"\}[^\S\n]*\n\s*\{")
"""Between two messages, one a line; within one document such a place has a comma."""

_POSITIONS: Final = ("frm-payload", "user")
"""Where the stack keeps a device's own position: from its payload, else as its owner set it."""


def decode(payload: bytes, context: Context) -> list[Reading]:
    """Understand one or several messages; `[]` for those that are no uplinks.

    Raises:
        DecodeError: With the reason from the bounded list; several messages count as one.
    """
    ups = _load(payload)
    if len(ups) > _MAX_MESSAGES:
        raise DecodeError(Reason.TOO_MANY_READINGS, f"{len(ups)} messages; at most {_MAX_MESSAGES} are allowed")
    found: list[Reading] = []
    budget = Budget()
    for up in ups:
        message = up.result or up
        if message.uplink_message is not None:
            found += readings(_uplink(message, message.uplink_message, context, budget), context)
    return found


def _load(payload: bytes) -> list[_Up]:
    if len(payload) <= MAX_BYTES and _NEXT_LINE.search(payload):
        lines = [line for line in payload.splitlines() if line.strip()]
        if len(lines) > _MAX_MESSAGES:
            raise DecodeError(Reason.TOO_MANY_READINGS, f"{len(lines)} lines; at most {_MAX_MESSAGES} are allowed")
        return [load(line, _lines) for line in lines]
    loaded = load(payload, _decoder)
    return loaded if isinstance(loaded, list) else [loaded]


def _uplink(up: _Up, message: _Message, context: Context, budget: Budget) -> Uplink:
    version = message.version_ids
    time = message.received_at or up.received_at
    return Uplink(
        _device(up.end_device_ids or _Ids(), context),
        f"{version.brand_id} {version.model_id}" if version else "",
        context.received_ns if time is None else to_time_ns(time),
        message.f_port,
        message.frm_payload,
        message.decoded_payload,
        best_radio((one.rssi, one.snr) for one in message.rx_metadata),
        _position(message.locations),
        budget,
    )


def _device(ids: _Ids, context: Context) -> str:
    if context.device is None and not ids.dev_eui and ids.device_id:
        return context.ids(ids.device_id, "ttn-")
    return device_of(ids.dev_eui, context)


def _position(places: dict[str, _Place]) -> Position | None:
    for name in _POSITIONS:
        place = places.get(name)
        if place is not None and place.latitude is not None and place.longitude is not None:
            return to_position(place.latitude, place.longitude)
    return None
