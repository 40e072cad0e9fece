"""The names under which readings lie in InfluxDB: what the adapter writes and boards ask for.

Measurement = kind. Tags say whose it is; every field is a float. A value that failed a check lies in
`<quantity>_failed` and not in `<quantity>`, so that a plain mean in any tool is right.
"""

from typing import Final

TAG_DEVICE: Final = "device"
TAG_PROVINCE: Final = "province"
TAG_DISTRICT: Final = "district"
TAG_OWNER: Final = "owner"

TAGS: Final = (TAG_DEVICE, TAG_DISTRICT, TAG_OWNER, TAG_PROVINCE)
"""In the order of their keys, in which InfluxDB takes lines fastest."""

LAT: Final = "lat"
LON: Final = "lon"
POSITION: Final = (LAT, LON)
"""Fields in degrees (WGS 84); both or neither."""

RX: Final = "rx"
"""Field: when ingest took the reading, milliseconds since 1970 as a float (good to a quarter of a microsecond)."""

_FAILED: Final = "_failed"
_QC: Final = "_qc"


def failed_field(quantity: str) -> str:
    """Field of the values of a quantity that failed a check."""
    return quantity + _FAILED


def qc_field(quantity: str) -> str:
    """Field of the `Flag` of a quantity; absent means good."""
    return quantity + _QC


def quantity_of(field: str) -> str | None:
    """Quantity, or coordinate, whose values a field holds; None for a field of another use."""
    return None if field == RX or field.endswith(_QC) else field.removesuffix(_FAILED)
