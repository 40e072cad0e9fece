"""The platform's own JSON, with device and kind in it: what a gateway's neighbour sends without MQTT.

`{"device": "aq-1", "kind": "air_quality", "ts": 1764900000000, "values": {"pm2_5": 18.2}, "lat": 14.97, "lon": 102.1}`
or an array of at most 1,000. `device` and `kind` may come from the context instead; without a kind, what is measured
tells it (`gateway.decoders.kinds`). All else is as strict as the
direct payload (`city.wire.direct`).
"""

from typing import Final

import msgspec

from city.errors import Malformed, Reason
from city.reading import Reading, checked_id
from city.wire.direct import MAX_READINGS, Row, items_of, joined, load, refuse_repeated_keys, spell_booleans, to_reading
from gateway.decoders.decoder import Context, DecodeError, Rest, known_kind
from gateway.decoders.kinds import kind_of


class NativeRow(Row, forbid_unknown_fields=True, kw_only=True, gc=False):
    """A row of a direct payload that may name its device and kind."""

    device: str | msgspec.UnsetType = msgspec.UNSET
    kind: str | msgspec.UnsetType = msgspec.UNSET


_decoder: Final = msgspec.json.Decoder(NativeRow | list[NativeRow])


def decode(payload: bytes, context: Context, rest: Rest) -> list[Reading]:
    """Understand a native payload; of a list, a bad item is refused alone.

    Raises:
        Malformed: With the reason from the bounded list; the whole payload counts as one.
    """
    try:
        return _readings(payload, context)
    except Malformed as error:
        good: list[bytes] = []
        for item in items_of(payload):
            try:
                _readings(item, context)
            except Malformed as why:
                rest.refuse(item, why)
            else:
                good.append(item)
        if not good:
            raise error from None
    # together again: the rows of one message may depend on each other for their instants
    return _readings(joined(good), context)


def _readings(payload: bytes, context: Context) -> list[Reading]:
    decoded = load(payload, _decoder)
    rows = decoded if isinstance(decoded, list) else [decoded]
    if len(rows) > MAX_READINGS:
        raise DecodeError(Reason.TOO_MANY_READINGS, f"{len(rows)} readings; at most {MAX_READINGS} are allowed")
    spell_booleans(rows)
    readings = [to_reading(row, _kind(row, context), _device(row, context), context.received_ns) for row in rows]
    refuse_repeated_keys(payload, rows, sum(map(_more_colons, rows)))
    return readings


def _device(row: NativeRow, context: Context) -> str:
    device = context.device if row.device is msgspec.UNSET else row.device
    if device is None:
        raise DecodeError(Reason.MISSING_FIELD, "neither the payload nor the input names the device")
    return checked_id(device)


def _kind(row: NativeRow, context: Context) -> str:
    kind = context.kind if row.kind is msgspec.UNSET else row.kind
    return kind_of(context, row.values) if kind is None else known_kind(kind)


def _more_colons(row: NativeRow) -> int:
    # neither id nor kind can hold a colon: both were checked
    return (row.device is not msgspec.UNSET) + (row.kind is not msgspec.UNSET)
