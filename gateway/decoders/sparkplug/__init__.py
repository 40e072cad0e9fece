"""Sparkplug B: what an edge node publishes on `spBv1.0/<group>/<type>/<edge node>[/<device>]`.

Sparkplug Specification 3.0.0 (Eclipse Foundation). Two ways to read it:

- `decode`, pure: messages whose metrics have their names, which births always do.
- `node.Sessions`, with a memory, before it: data may name its metrics by the aliases of the birth.

**Device**: `sparkplug-<group>.<edge node>[.<device>]`, by the rule of `city.names`.
**Quantity**: the metric's whole name as a key: `Tank/Temp C` is `tank_temp_c`; `Temperature` is the catalog's.
**Unit**: of the property `engUnit`; a value of a quantity that its unit can't measure keeps apart, as `<quantity>_raw`.
`Latitude` and `Longitude` (or `lat` and `lon`) of one instant are the position.
**Time**: the metric's, else the payload's. Commands, deaths and host states are no measurement.
"""

from city.errors import Reason
from city.reading import Reading
from gateway.decoders.decoder import Context, DecodeError, Rest
from gateway.decoders.sparkplug import metrics, payload
from gateway.decoders.sparkplug.topic import parse

__all__ = ["decode"]


def decode(data: bytes, context: Context, rest: Rest) -> list[Reading]:
    """Understand a message that needs no memory.

    Raises:
        DecodeError: No payload of Sparkplug B; `undecoded` where an alias stands for a name, or a sign can't be told.
    """
    topic = parse(context.parameters.get("topic", ""))
    if not topic.measures:
        return []
    message = payload.read(data)
    rows = [(metric, metrics.defined(metric)) for metric in message.metrics]
    nameless = [metric for metric, row in rows if row is None]
    if nameless:
        error = DecodeError(Reason.UNDECODED, "an alias without a name: only the birth tells what it is")
        rest.refuse(metrics.alone(message, nameless), error)
    known = [(metric, row) for metric, row in rows if row is not None]
    return metrics.readings(topic, message, known, context, rest)
