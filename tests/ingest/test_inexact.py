"""What a float may have rounded is suspect and counted; where the catalog has a range, that range decides."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from city.batch import Batch
from city.catalog import QUANTITIES
from city.ledger.port import Settlement
from city.reading import Flag, Reading
from ingest.check import judge_ranges
from ingest.city_clock import CityClock
from ingest.metrics import Metrics
from support.ingesting import platform
from support.mosquitto import Mosquitto


@given(st.integers(-(2**64), 2**64))
def test_whatever_integer_is_not_told_is_the_one_that_was_sent(number: int) -> None:
    batch = Batch.from_readings([Reading("d-1", "sensor", 1, {"own": float(number), "level": float(number)})])
    inexact = judge_ranges(batch)
    suspect = batch.flags["own"][0] == Flag.SUSPECT
    assert inexact == suspect
    assert suspect or int(batch.values["own"][0]) == number
    assert batch.flags.get("level", np.zeros(1))[0] != Flag.SUSPECT
    assert suspect == (abs(number) >= 2**53)


def test_a_range_of_the_catalog_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    wide = replace(QUANTITIES["level"], low=-1e30, high=1e30)
    monkeypatch.setattr("ingest.check.QUANTITIES", {"level": wide})
    batch = Batch.from_readings([Reading("d-1", "sensor", 1, {"level": 2.0**60})])
    assert judge_ranges(batch) == 0
    assert not batch.flags


def test_what_a_device_flagged_worse_stays() -> None:
    batch = Batch.from_readings([Reading("d-1", "sensor", 1, {"own": 2.0**60}, flags={"own": Flag.FAIL})])
    assert judge_ranges(batch) == 1
    assert batch.flags["own"].tolist() == [Flag.FAIL]


def test_they_are_counted() -> None:
    registry = CollectorRegistry()
    Metrics(registry, cast("Any", SimpleNamespace(held=0)), CityClock()).settled(Settlement(at_ns=1), 3)
    assert registry.get_sample_value("korat_ingest_inexact_values_total") == 3


async def test_a_direct_device_s_card_number_is_stored_as_suspect(broker: Mosquitto, tmp_path: Path) -> None:
    async with platform(broker, tmp_path) as city:
        payload = json.dumps({"values": {"card": 2**53 + 1, "door": 1}}).encode()
        await city.send("sensor", "reader-1", payload)
        await city.received(1)
        (_, value, flag) = (await city.latest("reader-1"))["card"]
        assert (value, flag) == (2.0**53, Flag.SUSPECT)
