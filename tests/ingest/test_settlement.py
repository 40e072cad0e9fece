"""What a flush writes down: the journal of each owner."""

import numpy as np

from city.batch import Batch, Place
from city.wire import journal as journal_wire
from city.wire import pack
from ingest.settle import journal


def batch_of(devices: list[str], owners: list[str]) -> Batch:
    rows = len(devices)
    values = {"rain_rate": np.arange(rows, dtype=np.float64)}
    batch = Batch("rain", devices, np.arange(rows, dtype=np.int32), np.arange(rows, dtype=np.int64), values)
    batch.places = [Place("th-30", "", owner) for owner in owners]
    return batch


def test_an_owner_reads_nothing_of_another_owners_devices() -> None:
    entries = journal([batch_of(["a", "b", "c"], ["firm", "", "firm"])])
    found = {entry.owner: [block.devices for block in journal_wire.decode(entry.payload)] for entry in entries}
    assert found == {"firm": [["a", "c"]], "": [["b"]]}


def test_more_devices_than_a_block_can_number_keep_their_names() -> None:
    devices = [f"d-{number}" for number in range(70_000)]
    (entry,) = journal([batch_of(devices, [""] * len(devices))])
    read = [
        (batch.devices[number], value)
        for block in journal_wire.decode(entry.payload)
        for batch in [pack.to_batch(block)]
        for number, value in zip(batch.index.tolist(), batch.values["rain_rate"].tolist(), strict=True)
    ]
    assert entry.readings == 70_000
    assert read == [(device, float(number)) for number, device in enumerate(devices)]
