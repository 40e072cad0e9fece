"""What becomes of a reading: the list that ledger, metrics, catalog, API, boards and command line take theirs from."""

from typing import Final

import msgspec


class Counts(msgspec.Struct, gc=False):
    """How many readings were received, and what became of them. A struct, because a flush makes one a device.

    received = stored + merged + duplicate + quarantined + rejected, always. `merged` are readings that shared device,
    kind and instant with a later one of their flush, which has their values too; it stands last, so that counts written
    before it was counted are read as they are.
    """

    received: int = 0
    stored: int = 0
    duplicate: int = 0
    quarantined: int = 0
    rejected: int = 0
    merged: int = 0

    def is_balanced(self) -> bool:
        """Whether every reading received has one outcome."""
        received, *outcomes = msgspec.structs.astuple(self)
        return bool(received == sum(outcomes))


COUNTED: Final = Counts.__struct_fields__
"""`received` and the outcomes, in the order of every table."""

OUTCOMES: Final = COUNTED[1:]
"""What becomes of a reading that was received."""
