"""Devices that registered themselves, and where they belong."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from sqlalchemy import create_engine, text

from city.batch import Place
from city.ledger import open_ledger
from city.ledger.port import NewDevice, Settlement
from city.registry import Registry, open_registry
from city.registry.port import DeviceRow, DeviceStatus

See = Callable[..., Awaitable[None]]


@pytest.fixture
async def registry(url: str) -> AsyncIterator[Registry]:
    opened = await open_registry(url)
    yield opened
    await opened.aclose()


@pytest.fixture
async def see(url: str) -> AsyncIterator[See]:
    ledger = await open_ledger(url)

    async def settle(*devices: str, kind: str = "weather", province: str = "th-30") -> None:
        await ledger.settle(Settlement(1, devices=[NewDevice(d, kind, province, "gw", 7) for d in devices]))

    yield settle
    await ledger.aclose()


def row(device: str, kind: str = "weather", province: str = "th-30", kinds: tuple[str, ...] = ()) -> DeviceRow:
    return DeviceRow(device, kind, province, "", "", "gw", DeviceStatus.DISCOVERED, "", 7, kinds or (kind,))


async def test_an_empty_registry_knows_nobody(registry: Registry) -> None:
    assert await registry.device("d1") is None
    assert await registry.devices() == []
    assert await registry.changes() == ({}, set(), 0, frozenset())


async def test_a_device_that_was_seen_is_discovered(registry: Registry, see: See) -> None:
    await see("d1", "d2")
    assert await registry.device("d1") == row("d1")
    assert await registry.find(["d2", "d1", "d3"]) == {"d1": row("d1"), "d2": row("d2")}
    assert await registry.find([]) == {}
    assert await registry.devices() == [row("d1"), row("d2")]


async def test_the_first_sight_of_a_device_holds(registry: Registry, see: See) -> None:
    await see("d1")
    await see("d1", "d1", "d3", kind="rain", province="th-31")
    assert await registry.devices() == [row("d1", kinds=("rain", "weather")), row("d3", "rain", "th-31")]
    assert await registry.device("d1") == row("d1", kinds=("rain", "weather"))
    assert [found.device for found in await registry.devices(kind="rain")] == ["d1", "d3"]
    assert [found.device for found in await registry.devices(kind="weather")] == ["d1"]


async def test_a_device_that_an_older_worker_registered_has_its_first_kind(
    registry: Registry, see: See, url: str
) -> None:
    await see("d1", kind="rain")
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("delete from device_kind"))
    engine.dispose()
    assert await registry.devices(kind="rain") == [row("d1", "rain")]


async def test_pages_follow_the_id_and_can_be_narrowed(registry: Registry, see: See) -> None:
    names = ["a", "a-b", "a.b", "a_b", "ab", "b"]
    await see(*names)
    await see("aa", kind="rain")
    await see("zz", province="th-31")
    got: list[str] = []
    while page := await registry.devices(after=got[-1] if got else "", limit=3, kind="weather", province="th-30"):
        got += [found.device for found in page]
    assert got == sorted(names)
    assert [found.device for found in await registry.devices(kind="rain")] == ["aa"]
    assert [found.device for found in await registry.devices(province="th-31")] == ["zz"]


async def test_it_tells_what_changed_since_a_revision(registry: Registry, see: See, url: str) -> None:
    await see("d1", "d2")
    places, kinds, first, _ = await registry.changes()
    assert places == {"d1": Place("th-30"), "d2": Place("th-30")}
    assert kinds == {("d1", "weather"), ("d2", "weather")}
    assert await registry.changes(first) == ({}, set(), first, frozenset())
    await see("d1", "d3", province="th-31", kind="rain")
    places, kinds, second, _ = await registry.changes(first)
    assert places == {"d3": Place("th-31")}
    assert kinds == {("d1", "rain"), ("d3", "rain")}
    assert second > first
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("update sequences set rev = rev + 1"))
        connection.execute(
            text(
                "update device set owner = 'firm', district = '3001', "
                "rev = (select rev from sequences) where device = 'd1'"
            )
        )
    engine.dispose()
    places, _, third, _ = await registry.changes(second)
    assert places == {"d1": Place("th-30", "3001", "firm")}
    assert len((await registry.changes()).places) == 3
    assert await registry.changes(third) == ({}, set(), third, frozenset())
