"""The status keeps apart what the broker refuses and what the spool refuses."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from city.errors import SpoolFull
from city.mqtt import Address, PublishRefused, Session
from gateway.outbox import status_publisher
from gateway.outbox.spool import Spool
from gateway.outbox.status_publisher import StatusPublisher


class Retainless(Session):
    """A broker that retains nothing, and says whether each status asked for it."""

    def __init__(self) -> None:
        super().__init__(Address("127.0.0.1", 1), client_id="x")
        self.asked: list[bool] = []

    async def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> bool:
        del payload, qos
        self.asked.append(retain)
        if retain:
            raise PublishRefused(topic, "the broker retains nothing")
        return True


@pytest.fixture
def session() -> Retainless:
    return Retainless()


@pytest.fixture
def made(session: Retainless, tmp_path: Path) -> Iterator[StatusPublisher]:
    spool = Spool(tmp_path / "a.spool", "gw-1", 2**20)
    yield StatusPublisher(spool, session, "status")
    spool.close()


async def test_a_broker_is_asked_to_retain_again_while_the_spool_is_full(
    made: StatusPublisher, session: Retainless, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_publisher, "_RETAIN_RETRY_S", 0.2)
    for _ in range(6):
        made.spool_full(SpoolFull("the spool is full"))
        await made.publish_offline()
        await asyncio.sleep(0.05)
    assert session.asked[:2] == [True, False], "not asked at each status"
    assert session.asked.count(True) >= 2


async def test_a_refused_status_does_not_prolong_the_refusal_of_the_spool(
    made: StatusPublisher, session: Retainless, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_publisher, "_REFUSAL_S", 0.2)
    made.spool_full(SpoolFull("the spool is full"))
    assert made.refusal is not None
    await asyncio.sleep(0.15)
    await made.publish_offline()
    assert session.asked == [True]
    await asyncio.sleep(0.1)
    assert made.refusal is None
