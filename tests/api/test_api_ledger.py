"""The ledger's numbers."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2

from api.times import rfc3339
from city.ledger.port import GatewayRow, Ledger, Settlement, Source
from city.outcomes import Counts

Follow = Callable[..., Awaitable[list[dict[str, Any]]]]

HOUR = 3600 * 10**9
NUMBERS = ("received", "stored", "duplicate", "quarantined", "rejected", "merged", "pending", "gaps")


async def _settle(ledger: Ledger, at_ns: int, *sources: Source) -> None:
    counts = {source: Counts(10, 6, 2, 1, 1) for source in sources}
    settlement = Settlement(at_ns=at_ns)
    settlement.counts.update(counts)
    await ledger.settle(settlement)


async def test_the_total_is_eight_numbers_over_whole_hours(client: httpx2.AsyncClient, ledger: Ledger) -> None:
    now = time.time_ns()
    await _settle(ledger, now, Source("gw-1", "a"), Source("", "b"))
    await _settle(ledger, now - 48 * HOUR, Source("gw-1", "a"))
    await ledger.note_status(GatewayRow("gw-1", "th-30", True, "spool", 3, 1, 100, now))  # noqa: FBT003 - a row of data
    answer = (await client.get("/v1/ledger")).json()
    assert answer == {
        "received": 20,
        "stored": 12,
        "duplicate": 4,
        "quarantined": 2,
        "rejected": 2,
        "merged": 0,
        "pending": 3,
        "gaps": 0,
        "start": rfc3339((now - 24 * HOUR) // HOUR * HOUR),
        "end": rfc3339(-(-now // HOUR) * HOUR),
        "balanced": True,
    }


async def test_hours_are_rounded_outwards_and_told(client: httpx2.AsyncClient, ledger: Ledger) -> None:
    noon = 1_768_474_800 * 10**9
    await _settle(ledger, noon + 1, Source("gw-1", "a"))
    params = {"start": rfc3339(noon + HOUR // 2), "end": rfc3339(noon + HOUR // 2 + 1)}
    answer = (await client.get("/v1/ledger", params=params)).json()
    assert (answer["start"], answer["end"]) == ("2026-01-15T11:00:00Z", "2026-01-15T12:00:00Z")
    assert answer["received"] == 10


async def test_an_empty_ledger_balances(client: httpx2.AsyncClient) -> None:
    answer = (await client.get("/v1/ledger?start=2001-01-01T00:00:00Z&end=2001-01-02T00:00:00Z")).json()
    assert {answer[key] for key in NUMBERS} == {0}
    assert answer["balanced"] is True


async def test_pages_visit_every_account_once_also_the_one_without_a_name(follow: Follow, ledger: Ledger) -> None:
    names = ["", *(f"gw-{n}" for n in range(5))]
    await _settle(ledger, time.time_ns(), *(Source(name, f"d{name}") for name in names))
    for limit in (1, 2, 6, 7):
        pages = await follow("/v1/ledger", by="gateway", limit=limit)
        assert [row["gateway"] for page in pages for row in page["accounts"]] == names
        assert all(page["by"] == "gateway" for page in pages)
        devices = await follow("/v1/ledger", by="device", limit=limit)
        assert [row["device"] for page in devices for row in page["accounts"]] == [f"d{name}" for name in names]
    assert {"gateway", *NUMBERS} == set(pages[0]["accounts"][0])


async def test_ranges_that_make_no_sense_are_refused(client: httpx2.AsyncClient) -> None:
    for query in (
        "start=2026-01-02T00:00:00Z&end=2026-01-01T00:00:00Z",
        "start=2020-01-01T00:00:00Z&end=2026-01-01T00:00:00Z",
        "by=owner",
    ):
        answer = await client.get(f"/v1/ledger?{query}")
        assert answer.status_code == 422
