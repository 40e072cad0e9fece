"""The quarantine, and asking for another try."""

import base64
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2

from city.errors import Reason
from city.ledger.port import Ledger, QuarantinedPayload, Settlement, Source

Follow = Callable[..., Awaitable[list[dict[str, Any]]]]

NOON = 1_768_474_800 * 10**9
TOPIC = "city/th-30/smart_city/noise/n-1"


NONSENSE: list[object] = [
    {},
    {"ids": []},
    {"ids": [0]},
    {"ids": [2**63]},
    {"ids": list(range(1, 1002))},
    {"all": False},
    {"reason": "mood"},
    {"ids": [1], "all": True},
    {"everything": True},
    [],
    None,
]


async def _hold(ledger: Ledger, *payloads: bytes, reason: Reason = Reason.MALFORMED_JSON) -> None:
    quarantined = [
        QuarantinedPayload(TOPIC, payload, NOON, reason, "odd", Source("", "n-1"), readings=2) for payload in payloads
    ]
    await ledger.settle(Settlement(at_ns=time.time_ns(), quarantined=quarantined))


async def test_the_original_bytes_come_back(client: httpx2.AsyncClient, ledger: Ledger) -> None:
    await _hold(ledger, "{ก".encode(), b"\xff\x00", b"x" * 5000)
    rows = (await client.get("/v1/quarantine")).json()["quarantine"][::-1]
    assert rows[0] == {
        "id": rows[0]["id"],
        "received": "2026-01-15T11:00:00Z",
        "topic": TOPIC,
        "reason": "malformed_json",
        "detail": "odd",
        "gateway": None,
        "device": "n-1",
        "origin": None,
        "readings": 2,
        "state": "held",
        "tries": 0,
        "payloads": 1,
        "bytes": 4,
        "digest": None,
    }
    held = [(await client.get(f"/v1/quarantine/{row['id']}")).json() for row in rows]
    assert [row["text"] for row in held] == ["{ก", None, None]
    assert [base64.b64decode(row["payload"]) for row in held] == ["{ก".encode(), b"\xff\x00", b"x" * 5000]
    assert (await client.get("/v1/quarantine/999999")).status_code == 404


async def test_a_condensed_row_says_how_many_it_stands_for(client: httpx2.AsyncClient, ledger: Ledger) -> None:
    await _hold(ledger, *[b"x" * 100_000] * 90)
    (row,) = (await client.get("/v1/quarantine?state=condensed")).json()["quarantine"]
    assert row["payloads"] * 100_000 == row["bytes"]
    assert row["readings"] == 2 * row["payloads"]
    assert len(row["digest"]) == 64
    held = (await client.get("/v1/quarantine?state=held&limit=200")).json()["quarantine"]
    assert len(held) + row["payloads"] == 90


async def test_pages_visit_every_payload_once(follow: Follow, ledger: Ledger) -> None:
    await _hold(ledger, *(str(n).encode() for n in range(7)))
    newest_first = [row.id for row in await ledger.quarantine()][::-1]
    for limit in (1, 3, 7, 8):
        pages = await follow("/v1/quarantine", limit=limit)
        assert [row["id"] for page in pages for row in page["quarantine"]] == newest_first


async def test_a_redrive_by_ids_by_reason_and_of_all(client: httpx2.AsyncClient, ledger: Ledger) -> None:
    await _hold(ledger, b"a", b"b", b"c")
    await _hold(ledger, b"d", reason=Reason.BAD_TIME)
    first = (await client.get("/v1/quarantine")).json()["quarantine"][-1]["id"]
    for body, requested in (({"ids": [first]}, 1), ({"reason": "bad_time"}, 1), ({"all": True}, 2), ({"all": True}, 0)):
        answer = await client.post("/v1/quarantine/redrive", json=body)
        assert (answer.status_code, answer.json()) == (202, {"requested": requested})
    assert (await client.get("/v1/quarantine?state=held")).json()["quarantine"] == []
    assert len((await client.get("/v1/quarantine?state=requested&reason=bad_time")).json()["quarantine"]) == 1


async def test_nothing_else_asks_for_a_redrive(client: httpx2.AsyncClient, ledger: Ledger) -> None:
    await _hold(ledger, b"a")
    for body in NONSENSE:
        answer = await client.post("/v1/quarantine/redrive", json=body)
        assert answer.status_code == 422
        assert answer.json()["errors"]
    assert len((await client.get("/v1/quarantine?state=held")).json()["quarantine"]) == 1


async def test_a_form_of_a_foreign_page_asks_for_nothing(client: httpx2.AsyncClient) -> None:
    # a browser sends text/plain across origins without asking first
    answer = await client.post(
        "/v1/quarantine/redrive", content=b'{"all": true}', headers={"Content-Type": "text/plain"}
    )
    assert answer.status_code == 415
