"""Whatever comes, in whatever order, and whatever fails at the worst moment: balanced, and the last accepted wins."""

import asyncio
import tempfile
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given, settings

from support.interleavings import MOMENTS, NOW_MS, City, NoWait, Step, direct, packed, steps


@pytest.mark.timeout(60)
@given(steps)
@settings(max_examples=60, deadline=None)
def test_any_interleaving_with_any_fault_is_balanced_and_the_last_accepted_wins(script: list[Step]) -> None:
    _play(script)


def _play(script: list[Step]) -> None:
    with tempfile.TemporaryDirectory(prefix="korat-") as folder, patch("ingest.pipeline.Backoff", NoWait):
        asyncio.run(City(f"sqlite:///{Path(folder) / 'ledger.sqlite'}").play(script))


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_worker_that_stood_still_does_not_undo_a_later_correction(moment: str) -> None:
    first = packed("g-0", [("d-0", NOW_MS, "rain_rate", 1.0)], 0, broken=False)
    correction = direct([("d-0", NOW_MS, "rain_rate", 2.0)], ahead=False)
    _play([Step([first], [], "frozen", moment), Step([correction], [], "none", "")])


def test_order_of_receipt_decides_between_a_pack_and_a_direct_message() -> None:
    first = packed("g-0", [("d-0", NOW_MS, "rain_rate", 1.0)], 0, broken=False)
    last = packed("g-0", [("d-1", NOW_MS, "rain_rate", 1.0)], 0, broken=False)
    rows = [direct([(device, NOW_MS, "rain_rate", 2.0)], ahead=False) for device in ("d-0", "d-1")]
    _play([Step([first, *rows, last], [], "none", "")])
