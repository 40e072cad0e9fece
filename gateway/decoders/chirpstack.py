"""ChirpStack v4: what its integrations send, over MQTT or HTTP, as JSON (ChirpStack documentation, "Events").

`up` becomes readings of the device; `status` its battery and margin. Joins, acknowledgements, transmissions, logs, and
the events `location` and `integration`, which other services made of an uplink that came already, say nothing new:
`[]`. What an uplink becomes is told in `gateway.decoders.lorawan.uplink`.
"""

from typing import Any, Final

import msgspec

from city.errors import Malformed, Reason
from city.reading import Reading
from city.wire.direct import load, to_time_ns
from gateway.decoders.decoder import Context, DecodeError, Rest
from gateway.decoders.json_fields import load_object
from gateway.decoders.leaves import known_fields
from gateway.decoders.lorawan.uplink import Uplink, best_radio, codec_of, device_of, kind_of, readings

_MAX_BYTES: Final = 128 * 1024
_NO_PERCENT: Final = -1.0
_RAW: Final = msgspec.Raw()


class _DeviceInfo(msgspec.Struct, gc=False):
    devEui: str  # noqa: N815 -- the server's name
    deviceProfileName: str = ""  # noqa: N815 -- the server's name
    applicationName: str = ""  # noqa: N815 -- the server's name


class _Reception(msgspec.Struct, gc=False):
    rssi: float | None = None
    snr: float | None = None
    nsTime: str | None = None  # noqa: N815 -- the server's name


class _Event(msgspec.Struct, forbid_unknown_fields=True):
    """The fields of all events; which of them are there tells the event. Those that are `Raw` are no measurement."""

    deviceInfo: _DeviceInfo  # noqa: N815 -- the server's name
    time: str | None = None
    fPort: int = 0  # noqa: N815 -- the server's name
    data: str | None = None
    object: dict[str, Any] | None = None
    rxInfo: list[_Reception] | None = None  # noqa: N815 -- the server's name
    integrationName: str | None = None  # noqa: N815 -- the server's name
    downlinkId: int | None = None  # noqa: N815 -- the server's name
    margin: float | None = None
    batteryLevel: float = _NO_PERCENT  # noqa: N815 -- the server's name
    batteryLevelUnavailable: bool = False  # noqa: N815 -- the server's name
    externalPowerSource: bool = False  # noqa: N815 -- the server's name
    acknowledged: msgspec.Raw = _RAW
    adr: msgspec.Raw = _RAW
    code: msgspec.Raw = _RAW
    confirmed: msgspec.Raw = _RAW
    context: msgspec.Raw = _RAW
    deduplicationId: msgspec.Raw = _RAW  # noqa: N815 -- the server's name
    description: msgspec.Raw = _RAW
    devAddr: msgspec.Raw = _RAW  # noqa: N815 -- the server's name
    dr: msgspec.Raw = _RAW
    eventType: msgspec.Raw = _RAW  # noqa: N815 -- the server's name
    fCnt: msgspec.Raw = _RAW  # noqa: N815 -- the server's name
    fCntDown: msgspec.Raw = _RAW  # noqa: N815 -- the server's name
    gatewayId: msgspec.Raw = _RAW  # noqa: N815 -- the server's name
    joinServerContext: msgspec.Raw = _RAW  # noqa: N815 -- the server's name
    level: msgspec.Raw = _RAW
    location: msgspec.Raw = _RAW
    queueItemId: msgspec.Raw = _RAW  # noqa: N815 -- the server's name
    regionConfigId: msgspec.Raw = _RAW  # noqa: N815 -- the server's name
    relayRxInfo: msgspec.Raw = _RAW  # noqa: N815 -- the server's name
    txInfo: msgspec.Raw = _RAW  # noqa: N815 -- the server's name


_decoder: Final = msgspec.json.Decoder(_Event)


def decode(payload: bytes, context: Context, rest: Rest) -> list[Reading]:
    """Understand an event; `[]` for those that bring no measurement.

    Raises:
        DecodeError: With the reason from the bounded list.
    """
    if len(payload) > _MAX_BYTES:
        raise DecodeError(Reason.TOO_LARGE, f"{len(payload)} bytes; an event has at most {_MAX_BYTES}")
    event = _load(payload, rest)
    if event.integrationName is not None or event.downlinkId is not None:
        return []
    if event.data is not None or event.object is not None:
        return readings(_uplink(event, context, payload, rest), context)
    if event.rxInfo is None and (event.margin is not None or event.batteryLevel != _NO_PERCENT):
        return _status(event, context)
    return []


def _load(payload: bytes, rest: Rest) -> _Event:
    try:
        return load(payload, _decoder)
    except Malformed as error:
        if error.reason is not Reason.UNKNOWN_FIELD:
            raise
    known = known_fields(load_object(payload, _MAX_BYTES), _Event.__struct_fields__, rest.unread)
    return load(msgspec.json.encode(known), _decoder, _MAX_BYTES)


def _uplink(event: _Event, context: Context, payload: bytes, rest: Rest) -> Uplink:
    info, receptions = event.deviceInfo, event.rxInfo or []
    return Uplink(
        device_of(info.devEui, context),
        info.deviceProfileName,
        _time_ns(event, context),
        event.fPort,
        event.data or "",
        event.object,
        best_radio((one.rssi, one.snr) for one in receptions),
        rest=rest,
        bytes=payload,
    )


def _time_ns(event: _Event, context: Context) -> int:
    text = event.time or next((one.nsTime for one in event.rxInfo or () if one.nsTime), None)
    return context.received_ns if text is None else to_time_ns(text)


def _status(event: _Event, context: Context) -> list[Reading]:
    """Make a reading of DevStatusAns: battery in percent, margin in dB (how well it heard the request)."""
    values: dict[str, float] = {}
    if event.batteryLevel >= 0 and not (event.batteryLevelUnavailable or event.externalPowerSource):
        values["battery"] = event.batteryLevel
    if event.margin is not None:
        values["margin"] = event.margin
    if not values:
        return []
    device, time_ns = device_of(event.deviceInfo.devEui, context), _time_ns(event, context)
    codec = codec_of(Uplink(device, event.deviceInfo.deviceProfileName, time_ns), context)
    kind = kind_of(values, codec, context)
    return [Reading(device, kind, time_ns, values)]
