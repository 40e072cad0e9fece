"""The Things Stack v3: uplinks as its integrations send them, as JSON (The Things Stack documentation, "Data formats").

One message, an array of them, or a line each; storage integrations wrap each as `{"result": ...}`. Joins, downlink
events, solved locations and normalized copies say nothing new: `[]`. What an uplink becomes is told in
`gateway.decoders.lorawan.uplink`.
"""

import re
from typing import Any, Final

import msgspec

from city.errors import Malformed, Reason
from city.reading import Reading
from city.wire.direct import MARK, MAX_BYTES, Position, load, to_position, to_time_ns
from gateway.decoders.decoder import Context, DecodeError, Rest
from gateway.decoders.json_fields import load_object
from gateway.decoders.leaves import known_fields
from gateway.decoders.lorawan.fields import Budget
from gateway.decoders.lorawan.uplink import Uplink, best_radio, device_of, readings

_RAW: Final = msgspec.Raw()


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


class _Message(msgspec.Struct, forbid_unknown_fields=True):
    """What is `Raw` is no measurement: of the link, of the session, copies."""

    f_port: int = 0
    frm_payload: str = ""
    decoded_payload: dict[str, Any] | None = None
    rx_metadata: list[_Reception] = []
    received_at: str | None = None
    version_ids: _Version | None = None
    locations: dict[str, _Place] = {}
    app_s_key: msgspec.Raw = _RAW
    attributes: msgspec.Raw = _RAW
    confirmed: msgspec.Raw = _RAW
    consumed_airtime: msgspec.Raw = _RAW
    decoded_payload_warnings: msgspec.Raw = _RAW
    f_cnt: msgspec.Raw = _RAW
    last_a_f_cnt_down: msgspec.Raw = _RAW
    last_battery_percentage: msgspec.Raw = _RAW
    network_ids: msgspec.Raw = _RAW
    normalized_payload: msgspec.Raw = _RAW
    normalized_payload_warnings: msgspec.Raw = _RAW
    packet_error_rate: msgspec.Raw = _RAW
    session_key_id: msgspec.Raw = _RAW
    settings: msgspec.Raw = _RAW


class _Up(msgspec.Struct, forbid_unknown_fields=True):
    """What is `Raw` are other events, and what the stack knows of the device."""

    end_device_ids: _Ids | None = None
    received_at: str | None = None
    uplink_message: _Message | None = None
    result: "_Up | None" = None
    correlation_ids: msgspec.Raw = _RAW
    downlink_ack: msgspec.Raw = _RAW
    downlink_failed: msgspec.Raw = _RAW
    downlink_nack: msgspec.Raw = _RAW
    downlink_queue_invalidated: msgspec.Raw = _RAW
    downlink_queued: msgspec.Raw = _RAW
    downlink_sent: msgspec.Raw = _RAW
    join_accept: msgspec.Raw = _RAW
    location_solved: msgspec.Raw = _RAW
    service_data: msgspec.Raw = _RAW
    simulated: msgspec.Raw = _RAW
    uplink_normalized: msgspec.Raw = _RAW


_decoder: Final = msgspec.json.Decoder(_Up)
_items: Final[msgspec.json.Decoder[list[msgspec.Raw]]] = msgspec.json.Decoder(list[msgspec.Raw])
_MAX_MESSAGES: Final = 250
_NEXT_LINE: Final = re.compile(rb"\}[^\S\n]*\n\s*\{")
"""Between two messages, one a line; within one document such a place has a comma."""

_POSITIONS: Final = ("frm-payload", "user")
"""Where the stack keeps a device's own position: from its payload, else as its owner set it."""


def decode(payload: bytes, context: Context, rest: Rest) -> list[Reading]:
    """Understand one or several messages; `[]` for those that are no uplinks.

    Raises:
        Malformed: With the reason from the bounded list; of several messages, a bad one is refused alone.
    """
    messages = _apart(payload)
    if len(messages) > _MAX_MESSAGES:
        raise DecodeError(Reason.TOO_MANY_READINGS, f"{len(messages)} messages; at most {_MAX_MESSAGES} are allowed")
    found: list[Reading] = []
    budget = Budget()
    for one in messages:
        try:
            up = _load(one, rest)
            message = up.result or up
            if message.uplink_message is not None:
                uplink = _uplink(message, message.uplink_message, context, budget, rest)
                uplink.bytes = one
                found += readings(uplink, context)
        except Malformed as error:
            if len(messages) == 1:
                raise
            rest.refuse(one, error)
    return found


def _apart(payload: bytes) -> list[bytes]:
    if len(payload) <= MAX_BYTES and _NEXT_LINE.search(payload):
        return [line for line in payload.splitlines() if line.strip()]
    if payload.removeprefix(MARK).lstrip()[:1] == b"[":
        return [bytes(item) for item in load(payload, _items)]
    return [payload]


def _load(payload: bytes, rest: Rest) -> _Up:
    try:
        return load(payload, _decoder)
    except Malformed as error:
        if error.reason is not Reason.UNKNOWN_FIELD:
            raise
    return load(msgspec.json.encode(_known(load_object(payload), rest)), _decoder)


def _known(up: dict[str, Any], rest: Rest) -> dict[str, Any]:
    known = known_fields(up, _Up.__struct_fields__, rest.unread)
    if isinstance(message := known.get("uplink_message"), dict):
        known["uplink_message"] = known_fields(message, _Message.__struct_fields__, rest.unread, "uplink_message.")
    if isinstance(result := known.get("result"), dict):
        known["result"] = _known(result, rest)
    return known


def _uplink(up: _Up, message: _Message, context: Context, budget: Budget, rest: Rest) -> Uplink:
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
        rest,
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
