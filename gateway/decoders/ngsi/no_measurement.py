"""Attributes of the Smart Data Models that are known to be no measurement (https://smartdatamodels.org)."""

from typing import Final

NO_MEASUREMENT: Final = frozenset(
    {
        "address", "alternateName", "category", "dataProvider", "dateCreated", "dateModified", "dateObserved",
        "dateObservedFrom", "dateObservedTo", "description", "extraSpotNumber", "lanternHeight", "lowestFloor", "mcc",
        "mnc", "name", "owner", "seeAlso", "source", "stationCode", "TimeInstant",
    }
)  # fmt: skip
"""Attributes, or parts of them, in any model."""

NO_MEASUREMENT_OF_AN_ATTRIBUTE: Final = frozenset(
    {
        "createdAt", "datasetId", "metadata.TimeInstant", "metadata.measurementInterval",
        "metadata.onlyPositive", "metadata.timestamp", "metadata.unitCode", "modifiedAt",
        "object", "observedAt", "type", "unitCode", "value",
    }
)  # fmt: skip
"""What stands beside an attribute's value."""
