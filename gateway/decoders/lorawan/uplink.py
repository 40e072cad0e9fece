"""One uplink, whichever network server it came through, as readings.

**Device**: `Context.device` if the input names it, else `eui-<16 hex digits>`. **Codec**: the parameter `codec`, else
`Context.codecs` by the device's id, else by what the server calls the device (`guess`). **Measurements**: the object
that the server decoded, in the codec's names if there is one; else the codec reads the bytes. **Kind**: the input's,
else the codec's, else that of the quantities. **Time**: the device's own clock, else the server's.

Signal strength and ratio are those of the gateway with the best reception. The positions of gateways are left out.
"""

import binascii
import re
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from city.errors import Reason
from city.reading import Reading
from city.wire.direct import Position
from gateway.decoders import kinds
from gateway.decoders.decoder import Context, DecodeError, Rest, given_id
from gateway.decoders.leaves import NOTHING_KNOWN
from gateway.decoders.leaves import unread as find_unread
from gateway.decoders.lorawan.codecs import CODECS
from gateway.decoders.lorawan.codecs.codec import HISTORY, Codec, device_time_ns
from gateway.decoders.lorawan.fields import UNKNOWN, Budget, measured
from gateway.decoders.lorawan.model_names import guess

_EUI: Final = re.compile(r"[0-9a-f]{16}", re.ASCII)

_MAX_RECORDS: Final = 50
_END_OF_CLOCKS_S: Final = 2**32
"""Devices tell Unix seconds in four bytes."""

_MAX_BYTES: Final = 255
"""A LoRaWAN frame has at most 242 bytes of payload, and its length is one byte."""


class Uplink(msgspec.Struct):
    """What the network servers have in common.

    Attributes:
        device: Its id.
        label: What the server calls its model; empty if nothing.
        time_ns: When the server got it, nanoseconds UTC.
        port: FPort; 0 if there is none.
        data: Payload, base64; empty if there is none.
        decoded: What the server decoded.
        radio: Values of the device itself: rssi, snr.
        position: The device's own by its server, degrees; the measured one goes before it.
        budget: Of the payload that it came in.
        rest: Of that payload.
        bytes: That payload, or the part of it that is the uplink.
    """

    device: str
    label: str
    time_ns: int
    port: int = 0
    data: str = ""
    decoded: Mapping[str, object] | None = None
    radio: dict[str, float] = {}
    position: Position | None = None
    budget: Budget = msgspec.field(default_factory=Budget)
    rest: Rest = msgspec.field(default_factory=Rest)
    bytes: bytes = b""


def device_of(eui: str, context: Context) -> str:
    """Name the device.

    Raises:
        DecodeError: `bad_device`: neither the input nor a EUI-64 names it.
    """
    device = given_id(context)
    if device is not None:
        return device
    lower = eui.lower()
    if _EUI.fullmatch(lower) is None:
        raise DecodeError(Reason.BAD_DEVICE, f"{eui[:80]!r} is no EUI-64")
    return f"eui-{lower}"


def best_radio(receptions: Iterable[tuple[float | None, float | None]]) -> dict[str, float]:
    """Take (RSSI in dBm, SNR in dB) of the gateway with the best reception; `{}` if none says."""
    known = [(rssi, snr) for rssi, snr in receptions if rssi is not None]
    if not known:
        return {}
    rssi, snr = max(known, key=lambda row: row[0])
    return {"rssi": float(rssi)} if snr is None else {"rssi": float(rssi), "snr": float(snr)}


def readings(uplink: Uplink, context: Context) -> list[Reading]:
    """Understand an uplink; `[]` if its frame has nothing to say.

    Raises:
        DecodeError: `no_codec` if no codec is known for the bytes; else as the codec or the fields say.
    """
    codec = codec_of(uplink, context)
    fields = uplink.decoded
    if not fields:
        payload = _bytes(uplink.data)
        if not payload:
            return []
        if codec is None:
            raise DecodeError(Reason.NO_CODEC, f"no codec is known for {uplink.device} ({uplink.label[:80]!r})")
        fields = codec.decode(uplink.port, payload)
    now = _now(fields, codec, uplink, context)
    return [*_history(fields, codec, uplink, context), *now] if HISTORY in fields else now


def codec_of(uplink: Uplink, context: Context) -> Codec | None:
    """Find the device's codec; None if nothing says which.

    Raises:
        DecodeError: `no_codec`: the settings name one that isn't there.
    """
    named = context.parameters.get("codec") or context.codecs.get(uplink.device)
    name = named or (guess(uplink.label) if uplink.label else None)
    if name is None:
        return None
    codec = CODECS.get(name)
    if codec is None:
        raise DecodeError(Reason.NO_CODEC, f"there is no codec {name[:80]!r}")
    return codec


def _bytes(data: str) -> bytes:
    try:
        payload = binascii.a2b_base64(data, strict_mode=True)
    except ValueError as error:
        raise DecodeError(Reason.UNDECODED, f"the payload is no base64: {error}") from None
    if len(payload) > _MAX_BYTES:
        raise DecodeError(Reason.TOO_LARGE, f"{len(payload)} bytes are more than a LoRaWAN frame holds")
    return payload


def _now(fields: Mapping[str, object], codec: Codec | None, uplink: Uplink, context: Context) -> list[Reading]:
    found = measured(fields, codec or UNKNOWN, uplink.time_ns, uplink.budget, uplink.rest.unread)
    if not found.values:
        return []
    found.values.update((key, value) for key, value in uplink.radio.items() if key not in found.values)
    lat, lon = found.lat, found.lon
    if lat is None and uplink.position is not None:
        lat, lon = uplink.position
    time_ns = uplink.time_ns if found.time_ns is None else found.time_ns
    return [Reading(uplink.device, kind_of(found.values, codec, context), time_ns, found.values, lat, lon, found.flags)]


def _history(fields: Mapping[str, object], codec: Codec | None, uplink: Uplink, context: Context) -> list[Reading]:
    """Make readings of a device's older records, which stand at their own times.

    A record of a clock that was never set stands nowhere, and stays unread; of one that can't be, the uplink is kept.
    """
    records = fields.get(HISTORY)
    if not isinstance(records, list):
        return []
    unread = uplink.rest.unread
    if len(records) > _MAX_RECORDS:
        raise DecodeError(Reason.TOO_MANY_READINGS, f"{len(records)} records; at most {_MAX_RECORDS}")
    older: list[Reading] = []
    for record in records:
        if not isinstance(record, dict) or not isinstance(seconds := record.get("timestamp"), int | float):
            find_unread(record, NOTHING_KNOWN, unread, f"{HISTORY}.")
            continue
        if not 0 <= seconds < _END_OF_CLOCKS_S:
            error = DecodeError(Reason.BAD_TIME, f"a record of {seconds} s is of no device's clock")
            uplink.rest.refuse(uplink.bytes, error)
            break
        time_ns = device_time_ns(seconds, uplink.time_ns)
        if time_ns is None:
            find_unread(record, NOTHING_KNOWN, unread, f"{HISTORY}.")
            continue
        rest = {key: value for key, value in record.items() if key != "timestamp"}
        found = measured(rest, codec or UNKNOWN, uplink.time_ns, uplink.budget, unread)
        if found.values:
            kind = kind_of(found.values, codec, context)
            older.append(Reading(uplink.device, kind, time_ns, found.values, found.lat, found.lon, found.flags))
    return older


def kind_of(values: Mapping[str, float], codec: Codec | None, context: Context) -> str:
    """Choose the kind: the input's, else the codec's, else that of the quantities.

    Raises:
        Malformed: `unknown_kind`: the input's is none.
    """
    if codec is not None and context.kind is None:
        return codec.kind
    return kinds.kind_of(context, values)
