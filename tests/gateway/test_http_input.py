"""The HTTP link: 202 means that the spool has it."""

import asyncio
import gzip
import json
import logging
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest
import yarl
from aiohttp import web
from aiohttp.http_exceptions import TransferEncodingError
from rig import until
from stand_ins import context
from structlog.testing import capture_logs

from city.errors import Broken, KoratError, SpoolFull
from city.reading import Reading
from city.wire.pack import Undecoded
from gateway.decoders import Origin
from gateway.inputs.http import HttpInput, HttpTable
from gateway.inputs.input import InputCounters
from gateway.naming import Decoding

GOOD = b'{"ts": 1764900000000, "values": {"pm2_5": 18.2}}'
NOW_NS = 1764900000 * 10**9
PHONE = "/ingest/osmand?id=7&lat=14.97&lon=102.1&speed=10&timestamp=1764900000"
PATH = "/ingest/native?device=aq-1&kind=air_quality"


class Spool:
    """Takes custody as a test wants."""

    def __init__(self) -> None:
        self.readings: list[Reading] = []
        self.undecoded: list[Undecoded] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = 0
        self.error: KoratError | None = None

    async def accept(self, readings: list[Reading], undecoded: list[Undecoded]) -> None:
        self.asked += 1
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        self.readings += readings
        self.undecoded += undecoded


@pytest.fixture
async def spool() -> Spool:
    return Spool()


Ask = Callable[..., Awaitable[tuple[int, dict[str, object], aiohttp.ClientResponse]]]


@pytest.fixture
def counters() -> InputCounters:
    return InputCounters("http")


@pytest.fixture
async def link(spool: Spool, counters: InputCounters) -> AsyncIterator[HttpInput]:
    table = HttpTable(port=0, max_concurrent=4)
    link = HttpInput(table, context(spool, counters=counters, refusal=lambda: spool.error))
    await link.open()
    yield link
    await link.close()


@pytest.fixture
async def ask(link: HttpInput) -> AsyncIterator[Ask]:
    async with aiohttp.ClientSession(f"http://127.0.0.1:{link.port}") as client:

        async def asked(
            path: str | yarl.URL, body: object = GOOD, method: str = "POST", **more: object
        ) -> tuple[int, dict[str, object], aiohttp.ClientResponse]:
            async with client.request(method, path, data=body, **more) as response:  # type: ignore[arg-type]
                answer = json.loads(await response.read())
                if response.status >= 400:
                    assert response.content_type == "application/problem+json"
                    assert answer["status"] == response.status
                    assert answer["detail"]
                return response.status, answer, response

        yield asked


async def test_202_comes_only_when_the_spool_has_it(spool: Spool, ask: Ask) -> None:
    spool.gate.clear()
    asking = asyncio.ensure_future(ask(PATH))
    await asyncio.sleep(0.1)
    assert spool.asked == 1
    assert not asking.done()
    spool.gate.set()
    status, answer, _ = await asking
    assert (status, answer) == (202, {"readings": 1, "undecoded": 0})
    assert spool.readings == [Reading("aq-1", "air_quality", 1764900000000 * 10**6, {"pm2_5": 18.2})]


async def test_garbage_is_taken_with_its_reason_and_can_be_decoded_again(spool: Spool, ask: Ask) -> None:
    status, answer, _ = await ask(PATH + "&note=%26x+%C3%A4", b'{"ts": 1, "values": {}}')
    assert status == 202
    assert (answer["readings"], answer["undecoded"], answer["reason"]) == (0, 1, "no_values")
    (kept,) = spool.undecoded
    assert kept.payload == b'{"ts": 1, "values": {}}'
    assert kept.origin == "http:native?device=aq-1&kind=air_quality&note=%26x+%C3%A4"
    assert Decoding().decode_again(kept.origin, GOOD, kept.received_at_ns)[0][0].device == "aq-1"


@pytest.mark.parametrize(
    "query", ["%ff", "x=%ff", "x=%ed%a0%80", "x=%00", "x", "x=1&x=2", "%26=%3d", "x=" + "y" * 4000]
)
async def test_any_query_is_kept_so_that_it_can_be_read_back(spool: Spool, ask: Ask, query: str) -> None:
    assert (await ask(yarl.URL(f"{PATH}&{query}", encoded=True), b"garbage"))[0] == 202
    (kept,) = spool.undecoded
    assert Decoding().decode_again(kept.origin, GOOD, 0)[0][0].device == "aq-1"


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"{", b"[" * 100_000, b"null"])
async def test_any_garbage_is_202(spool: Spool, ask: Ask, body: bytes) -> None:
    assert (await ask(PATH, body))[0] == 202
    assert [kept.payload for kept in spool.undecoded] == [body]


async def test_an_unknown_decoder_or_path_or_method_is_a_problem(
    spool: Spool, ask: Ask, counters: InputCounters
) -> None:
    status, answer, _ = await ask("/ingest/morse")
    assert (status, "native" in str(answer["detail"])) == (404, True)
    assert (await ask("/ingest/"))[0] == 404
    assert (await ask("/elsewhere"))[0] == 404
    status, _, response = await ask(PATH, None, "PUT")
    assert (status, response.headers["Allow"]) == (405, "POST")
    status, _, response = await ask(PATH, None, "GET")
    assert (status, response.headers["Allow"]) == (405, "POST")
    assert (spool.asked, counters.failed) == (0, {}), "whoever knocks at random doors fills no log"


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_telephone_says_it_all_in_the_address(spool: Spool, ask: Ask, method: str) -> None:
    assert (await ask(PHONE, None, method))[0] == 202
    (reading,) = spool.readings
    assert (reading.device, reading.lat, reading.lon) == ("osmand-7", 14.97, 102.1)
    assert reading.values["speed"] == pytest.approx(18.52)


async def chunks(size: int, count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield bytes(size)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (lambda: bytes(256 * 1024 + 1), {}),
        (lambda: chunks(10_000, 100), {}),
        (lambda: gzip.compress(bytes(50 * 2**20)), {"Content-Encoding": "gzip"}),
    ],
    ids=["announced", "chunked", "bomb"],
)
async def test_too_large_is_413(
    spool: Spool, ask: Ask, counters: InputCounters, body: Callable[[], object], headers: dict[str, str]
) -> None:
    assert (await ask(PATH, body(), headers=headers))[0] == 413
    assert counters.failed == {"too_large": 1}
    assert spool.asked == 0
    assert (await ask(PATH))[0] == 202


async def test_the_largest_body_is_taken(spool: Spool, ask: Ask) -> None:
    assert (await ask(PATH, bytes(256 * 1024)))[0] == 202
    assert len(spool.undecoded[0].payload) == 256 * 1024


async def test_gzip_is_unpacked(spool: Spool, ask: Ask, counters: InputCounters) -> None:
    packed = {"Content-Encoding": "gzip"}
    assert (await ask(PATH, gzip.compress(GOOD), headers=packed))[0] == 202
    assert len(spool.readings) == 1
    for broken in (GOOD, gzip.compress(GOOD)[:-3], gzip.compress(GOOD) + b"x", b""):
        assert (await ask(PATH, broken, headers=packed))[0] == 400
    assert (await ask(PATH, GOOD, headers={"Content-Encoding": "br"}))[0] == 415
    assert spool.asked == 1
    assert counters.failed == {"bad_gzip": 4, "packing": 1}


async def test_several_gzip_members_are_one_body(spool: Spool, ask: Ask) -> None:
    packed = {"Content-Encoding": "gzip"}
    parts = [gzip.compress(part) for part in (GOOD[:7], b"", GOOD[7:], b"\n" * 9_000)]
    assert (await ask(PATH, b"".join(parts), headers=packed))[0] == 202
    assert [reading.values for reading in spool.readings] == [{"pm2_5": 18.2}]
    assert (await ask(PATH, b"".join(parts)[:-1], headers=packed))[0] == 400
    assert (await ask(PATH, gzip.compress(bytes(128 * 1024)) * 2, headers=packed))[0] == 202
    assert (await ask(PATH, gzip.compress(bytes(128 * 1024)) * 2 + gzip.compress(b"x"), headers=packed))[0] == 413


async def test_an_empty_encoding_is_none(spool: Spool, ask: Ask) -> None:
    assert (await ask(PATH, GOOD, headers={"Content-Encoding": ""}))[0] == 202
    assert len(spool.readings) == 1


async def test_a_body_that_takes_too_long_is_408(
    spool: Spool, ask: Ask, counters: InputCounters, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    monkeypatch.setattr("gateway.inputs.bodies._BODY_S", 0.1)
    assert (await ask(PATH, endless()))[0] == 408
    assert (spool.asked, counters.failed) == (0, {"slow_body": 1})


@pytest.mark.parametrize("length", [b"Content-Length: 100", b"Transfer-Encoding: chunked"])
async def test_a_body_that_breaks_off_is_counted_and_no_error_of_ours(
    link: HttpInput, counters: InputCounters, ask: Ask, caplog: pytest.LogCaptureFixture, length: bytes
) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", link.port)
    writer.write(b"POST %b HTTP/1.1\r\nHost: localhost\r\n%b\r\n\r\n5\r\nabcde\r\n" % (PATH.encode(), length))
    await asyncio.sleep(0.1)
    writer.close()
    await until(lambda: counters.failed["broken_off"] == 1, 5)
    await asyncio.sleep(0.1)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
    assert [(await ask(PATH))[0] for _ in range(5)] == [202] * 5, "the place is free again"


@pytest.mark.parametrize("error", [web.RequestPayloadError("zz"), TransferEncodingError("zz")])
async def test_chunks_that_are_none_are_an_answer_whoever_parses_them(
    counters: InputCounters, ask: Ask, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async def broken(*_: object) -> AsyncIterator[bytes]:
        yield b"{"
        raise error

    monkeypatch.setattr(aiohttp.StreamReader, "iter_chunked", broken)
    assert (await ask(PATH))[0] == 400
    assert counters.failed == {"broken_off": 1}


async def test_too_many_waiting_requests_are_429(spool: Spool, ask: Ask, counters: InputCounters) -> None:
    spool.gate.clear()
    waiting = [asyncio.ensure_future(ask(PATH)) for _ in range(4)]
    await asyncio.sleep(0.2)
    status, _, response = await ask(PATH)
    assert (status, response.headers["Retry-After"]) == (429, "1")
    assert counters.failed == {"busy": 1}
    assert (await ask("/health/live", None, "GET"))[0] == 200
    spool.gate.set()
    assert [status for status, _, _ in await asyncio.gather(*waiting)] == [202] * 4
    assert (await ask(PATH))[0] == 202


@pytest.mark.parametrize("proxies", ["127.0.0.0/8", ""])
async def test_a_client_behind_a_trusted_proxy_has_half_and_stands_in_the_log(spool: Spool, proxies: str) -> None:
    link = HttpInput(HttpTable(port=0, max_concurrent=4, trusted_proxies=proxies), context(spool))
    await link.open()
    spool.gate.clear()
    statuses: list[int] = []

    async def post(client: aiohttp.ClientSession, sender: str, **more: str) -> None:
        headers = {"X-Forwarded-For": f"6.6.6.6, {sender}", **more}
        async with client.post(PATH, data=GOOD, headers=headers) as response:
            statuses.append(response.status)

    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{link.port}") as client:
            waiting = [asyncio.create_task(post(client, "203.0.113.7")) for _ in range(3)]
            await asyncio.sleep(0.2)
            waiting.append(asyncio.create_task(post(client, "203.0.113.8")))
            await asyncio.sleep(0.1)
            assert statuses == ([429] if proxies else [])
            with capture_logs() as logs:
                await post(client, "203.0.113.9", Origin="http://evil.example")
            assert [line["client"] for line in logs] == ["203.0.113.9" if proxies else "127.0.0.1"]
            spool.gate.set()
            await asyncio.gather(*waiting)
    finally:
        await link.close()


async def test_a_full_spool_is_507_and_not_ready(spool: Spool, ask: Ask, counters: InputCounters) -> None:
    assert (await ask("/health/ready", None, "GET"))[0] == 200
    spool.error = SpoolFull("the disk is full")
    status, answer, response = await ask(PATH)
    assert (status, answer["detail"], "Retry-After" in response.headers) == (507, "the disk is full", True)
    assert (await ask("/health/ready", None, "GET"))[0] == 503
    assert (await ask("/health/live", None, "GET"))[0] == 200
    assert counters.failed == {"spool": 1}, "once"
    spool.error = None
    assert (await ask(PATH))[0] == 202


async def test_a_broken_spool_is_503(spool: Spool, ask: Ask) -> None:
    spool.error = Broken("the spool is damaged")
    assert (await ask(PATH))[0] == 503


async def test_what_was_heard_is_listed_and_what_nobody_named_is_ready_for_gateway_toml(ask: Ask) -> None:
    await ask(PATH)
    await ask("/ingest/senml", b'[{"n": "urn:dev:ow:7", "u": "Cel", "v": 30}]')
    _, answer, _ = await ask("/sources", None, "GET")
    listed = [(source["source"], source["state"]) for source in answer["sources"]]  # type: ignore[attr-defined]
    assert (listed, answer["forgotten"]) == ([("urn-dev-ow-7", "discovered"), ("aq-1", "named")], 0)


async def test_the_list_of_the_unnamed_is_toml(spool: Spool) -> None:
    decoding = Decoding()
    decoding.decode(Origin("http", "senml", {}), b'[{"n": "urn:dev:ow:7", "u": "Cel", "v": 30}]', NOW_NS)
    link = HttpInput(HttpTable(port=0), context(spool, decoding=decoding))
    await link.open()
    try:
        async with (
            aiohttp.ClientSession(f"http://127.0.0.1:{link.port}") as client,
            client.get("/sources.toml") as response,
        ):
            assert tomllib.loads(await response.text())["sources"]["urn-dev-ow-7"]["kind"] == "weather"
    finally:
        await link.close()


@pytest.mark.parametrize(
    "given",
    [
        {"Host": "evil.example"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
        {"Referer": "http://evil.example/"},
    ],
)
async def test_an_open_input_takes_nothing_of_a_foreign_page(
    spool: Spool, ask: Ask, counters: InputCounters, given: dict[str, str]
) -> None:
    assert (await ask(PATH, headers=given | {"Content-Type": "text/plain"}))[0] == 403
    assert (await ask(PHONE, None, "GET", headers=given))[0] == 403
    assert (await ask("/sources", None, "GET", headers=given))[0] == 403
    assert spool.asked == 0
    assert counters.failed["foreign_page"] == 3


@pytest.mark.parametrize("coding", [["gzip, gzip"], ["gzip", "gzip"], ["identity, gzip"], ["deflate"]])
async def test_only_one_gzip_is_unpacked(spool: Spool, ask: Ask, coding: list[str]) -> None:
    headers = [("Content-Encoding", each) for each in coding]
    assert (await ask(PATH, gzip.compress(GOOD), headers=headers))[0] == 415
    assert spool.asked == 0


async def test_x_gzip_is_gzip(spool: Spool, ask: Ask) -> None:
    assert (await ask(PATH, gzip.compress(GOOD), headers={"Content-Encoding": "x-gzip"}))[0] == 202
    assert len(spool.readings) == 1


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /sources HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer s3cr3t-token\r\nbad header\r\n\r\n",
        b"GET /sources HTTP/9\r\nAuthorization: Bearer s3cr3t-token\r\n\r\n",
        b"POST /ingest/native?access_token=s3cr3t-token HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nX: s3cr3t-token\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /\x00s3cr3t-token HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nAuthorization: Bearer s3cr3t-token" + b"x" * 20_000 + b"\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_counted_and_never_printed(
    link: HttpInput, counters: InputCounters, caplog: pytest.LogCaptureFixture, request_bytes: bytes
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
    writer.write(request_bytes)
    answer = await reader.read()
    writer.close()
    assert answer.startswith((b"HTTP/1.0 400", b"HTTP/1.1 400"))
    assert b"application/problem+json" in answer
    assert b"s3cr3t" not in answer
    assert b"server:" not in answer.lower()
    assert counters.failed["no_http"] == 1
    assert "s3cr3t" not in caplog.text


async def test_no_answer_names_the_library(ask: Ask) -> None:
    for path, method in ((PATH, "POST"), ("/nothing", "GET"), ("/sources", "GET"), (PATH, "OPTIONS")):
        assert "Server" not in (await ask(path, GOOD if method == "POST" else None, method))[2].headers


async def test_the_quarantine_keeps_no_secret_of_an_address(spool: Spool, ask: Ask) -> None:
    assert (await ask(PATH + "&Token=s3cr3t&api_key=s3cr3t&access_token=s3cr3t&note=1", b"garbage"))[0] == 202
    (kept,) = spool.undecoded
    assert "s3cr3t" not in kept.origin
    assert kept.origin.endswith("note=1")
