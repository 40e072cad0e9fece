"""What the broker had kept is state: it comes at each connection, however long its device has been dead."""

import json
from pathlib import Path

import pytest

import ingest.run
from city import topics
from city.ledger.port import By
from city.mqtt import Address, Session, Subscription
from city.outcomes import Counts
from ingest.settings import IngestSettings
from support.ingesting import NOW_MS, PROVINCE, Platform, platform
from support.mosquitto import Mosquitto

UNDATED = {"values": {"level": 2}}
DATED = {"ts": NOW_MS, "values": {"level": 1}}


def ask_for_what_was_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Subscribe as if the broker heeded no retain handling."""
    asked = [Subscription(topics.EVERYTHING), Subscription(topics.STATUSES)]
    monkeypatch.setattr(ingest.run, "subscriptions", lambda _: (asked, []))


async def keep(broker: Mosquitto, kept: dict[str, bytes]) -> None:
    async with Session(Address("127.0.0.1", broker.port), client_id="dead", session_expiry_s=0) as device:
        await device.connected()
        for name, payload in kept.items():
            await device.publish(topics.direct(PROVINCE, "water_level", name), payload, retain=True)


async def settled_after(korat: Platform, number: int, received: int) -> Counts:
    """Counts once a live reading, which came after all that the broker had kept, is settled."""
    await korat.send("noise", "live", {"ts": NOW_MS + number, "values": {"sound_level": 50}})

    async def there() -> bool:
        answers = await korat.ledger.account(0, 2**62, By.DEVICE)
        return any(row.key == "live" and row.counts.stored == number for row in answers)

    await korat.until(there)
    return await korat.received(received)


async def test_a_dead_device_does_not_look_alive(
    broker: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ask_for_what_was_kept(monkeypatch)
    both = json.dumps([UNDATED, UNDATED, {"ts": NOW_MS - 5, "values": {"level": 3}}]).encode()
    kept = {"undated": json.dumps(UNDATED).encode(), "dated": json.dumps(DATED).encode(), "both": both, "bad": b"{"}
    await keep(broker, kept)
    for start in (1, 2, 3):
        async with platform(broker, tmp_path) as korat:
            counts = await settled_after(korat, start, 3 * start + start)
            # the dated ones and the garbage are known from the second connection on, and counted so
            again = 3 * (start - 1)
            assert counts == Counts(received=3 + start + again, stored=2 + start, duplicate=again, quarantined=1)
            assert await korat.latest("undated") == {}
            assert (await korat.latest("both"))["level"][:2] == ((NOW_MS - 5) * 10**6, 3.0)
            assert await korat.registry.device("undated") is None
        lines = [line for line in capsys.readouterr().out.splitlines() if "retained without a time" in line]
        assert sorted(line.partition("device=")[2].split()[0] for line in lines) == ["both", "undated"]


@pytest.mark.parametrize("workers", [1, 2])
async def test_the_broker_is_asked_not_to_send_what_it_kept(broker: Mosquitto, tmp_path: Path, workers: int) -> None:
    (everything, statuses), _ = ingest.run.subscriptions(IngestSettings.model_validate({"workers": workers}))
    assert (everything.retained, statuses.retained) == (False, True)
    await keep(broker, {"dated": json.dumps(DATED).encode()})
    async with platform(broker, tmp_path) as korat:
        assert await settled_after(korat, 1, 1) == Counts(received=1, stored=1)


async def test_a_retained_message_that_comes_live_is_a_measurement(broker: Mosquitto, tmp_path: Path) -> None:
    async with platform(broker, tmp_path) as korat:
        await keep(broker, {"undated": json.dumps(UNDATED).encode()})
        assert await korat.received(1) == Counts(received=1, stored=1)


async def test_a_bad_row_of_a_retained_array_is_held_once(
    broker: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask_for_what_was_kept(monkeypatch)
    await keep(broker, {"mixed": json.dumps([DATED, {"ts": NOW_MS, "values": {}}]).encode()})
    for start in (1, 2, 3):
        async with platform(broker, tmp_path) as korat:
            counts = await settled_after(korat, start, 2 * start + start)
            assert counts == Counts(received=3 * start, stored=1 + start, duplicate=2 * (start - 1), quarantined=1)
