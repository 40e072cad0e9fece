"""What all inputs have in common, tried on each: they are made of a table, open, run until cancelled, and close."""

import asyncio
from pathlib import Path
from typing import Any, Final

import pytest
from stand_ins import FakeSpool, context

from city.errors import ConfigurationError
from city.mqtt import Address
from city.tables import parse_table
from gateway.decoders.mapping import load_mapping
from gateway.inputs import INPUTS
from gateway.inputs.input import Input, InputContext
from gateway.naming import Decoding, Naming
from support.ports import free_port

TABLES: Final[dict[str, dict[str, Any]]] = {
    "http": {"port": 0},
    "mqtt": {"topics": [{"filter": "a/#", "decoder": "native"}]},
    "tcp": {"protocol": "teltonika", "port": 0},
    "udp": {"protocol": "teltonika", "port": 0},
    "modbus": {
        "name": "site",
        "host": "127.0.0.1",
        "port": 1,
        "device": [{"device": "m-1", "kind": "rain", "registers": [{"quantity": "rain_rate", "address": 0}]}],
    },
    "poll": {"name": "api", "url": "http://127.0.0.1:1/", "parameters": {"mapping": "works"}},
    "folder": {"name": "drop", "path": "drop", "parameters": {"mapping": "works"}},
}
"""The least that each kind must be told."""

LISTENING: Final = ("http", "tcp")


@pytest.fixture
def given(tmp_path: Path) -> InputContext:
    naming = Naming(mappings={"works": load_mapping("works", {"values": {"rain_rate": "rain"}})})
    nowhere = Address("127.0.0.1", free_port())
    return context(
        FakeSpool(), decoding=Decoding(naming), data=tmp_path, broker=nowhere, spool=tmp_path / "gateway.spool"
    )


def make(kind: str, given: InputContext, **keys: object) -> Input:
    row = INPUTS[kind]
    return row.make(parse_table(row.table, TABLES[kind] | keys, kind), given)


def test_the_list_is_whole() -> None:
    assert TABLES.keys() == INPUTS.keys()


@pytest.mark.parametrize("kind", INPUTS)
async def test_it_runs_until_it_is_cancelled_and_closes(kind: str, given: InputContext) -> None:
    each = make(kind, given)
    await each.open()
    running = asyncio.create_task(each.run())
    await asyncio.sleep(0.1)
    assert not running.done()
    running.cancel()
    done, _ = await asyncio.wait((running,), timeout=2)
    assert done
    assert running.cancelled()
    await asyncio.wait_for(each.close(), 2)


@pytest.mark.parametrize("kind", INPUTS)
async def test_what_was_never_opened_can_be_closed(kind: str, given: InputContext) -> None:
    await asyncio.wait_for(make(kind, given).close(), 2)


@pytest.mark.parametrize("kind", LISTENING)
async def test_a_taken_port_is_a_sentence(kind: str, given: InputContext) -> None:
    taken = make(kind, given)
    await taken.open()
    second = make(kind, given, port=taken.port)  # type: ignore[attr-defined]
    with pytest.raises(ConfigurationError, match="the gateway can't listen on"):
        await second.open()
    for each in (second, taken):
        await each.close()
