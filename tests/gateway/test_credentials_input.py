"""Who may push: tokens and signatures, over a real socket, with the signatures made by other means."""

import asyncio
import base64
import gzip
import hashlib
import hmac
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pydantic import ValidationError
from stand_ins import FakeSpool, context, line

from city.errors import ConfigurationError
from gateway.inputs.credentials import Hook, HookTable, Tokens, TokenTable
from gateway.inputs.http import HttpInput, HttpTable

GOOD = line(1)
PATH = "/ingest/native?device=aq-1&kind=weather"
TOKEN = "a-token-that-nobody-guesses"  # noqa: S105  a test's own
EMPTY = hashlib.sha256(b"").hexdigest()
SECRET = "a-secret-that-nobody-guesses"  # noqa: S105  likewise
STANDARD = "whsec_" + base64.b64encode(b"24 bytes that nobody has").decode()
Ask = Callable[..., Awaitable[int]]


@asynccontextmanager
async def serving(spool: FakeSpool, folder: Path = Path(), **tables: Any) -> AsyncIterator[Ask]:
    link = HttpInput(HttpTable(port=0, body_bytes=9_999, max_concurrent=4, **tables), context(spool, config=folder))
    await link.open()
    async with aiohttp.ClientSession(f"http://127.0.0.1:{link.port}") as client:

        async def ask(path: str, body: bytes | AsyncIterator[bytes] = GOOD, **headers: str) -> int:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            async with client.post(path, data=body, headers=named) as response:
                if response.status == 401:
                    assert response.content_type == "application/problem+json"
                    assert response.headers["WWW-Authenticate"]
                return response.status

        yield ask
    await link.close()


def hook_table(**keys: object) -> HookTable:
    given = {"name": "h", "decoder": "native", "parameters": {"device": "aq-2", "kind": "weather"}, "secret": SECRET}
    return HookTable.model_validate(given | keys)


def hook(**keys: object) -> Hook:
    return Hook(hook_table(**keys), Path())


async def test_only_the_right_token_opens_and_only_its_decoders(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text(f"# two of them\n{TOKEN}-2\nsha256:{hashlib.sha256(b'third').hexdigest()}\n")
    tables = [
        TokenTable(name="a", hash="sha256:" + hashlib.sha256(TOKEN.encode()).hexdigest()),
        TokenTable(name="b", file="tokens", decoders=("senml",)),
    ]
    spool = FakeSpool()
    async with serving(spool, tmp_path, token=tuple(tables)) as ask:
        assert await ask(PATH) == 401
        assert await ask("/ingest/morse") == 401, "a stranger isn't told what there is"
        for wrong in ("", "Bearer", "Bearer x", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer \xff", TOKEN):
            assert await ask(PATH, Authorization=wrong) == 401
        assert spool.asked == 0
        assert await ask(PATH, Authorization=f"Bearer {TOKEN}") == 202
        assert await ask(PATH, Authorization=f"bearer  {TOKEN}") == 202
        assert await ask(PATH, Authorization=f"Bearer {TOKEN}-2") == 403
        assert await ask("/ingest/senml", Authorization="Bearer third") == 202
        assert await ask("/hooks/h") == 404
        assert await ask(f"{PATH}&access_token={TOKEN}x") == 401
        assert await ask(f"{PATH}&access_token={TOKEN}") == 202
        assert await ask(f"/ingest/osmand?access_token={TOKEN}&odometer=none", b"") == 202
    assert len(spool.readings) == 3
    assert [kept.origin for kept in spool.undecoded][-1:] == ["http:osmand?odometer=none"], "the token is told nobody"


@pytest.mark.parametrize(
    ("keys", "make"),
    [
        ({}, lambda body: {"X-Hub-Signature-256": "sha256=" + _hex(body, "sha256")}),
        ({}, lambda body: {"x-hub-signature-256": "sha256=" + _hex(body, "sha256").upper()}),
        (
            {"header": "X-Sign", "prefix": "", "encoding": "base64", "algorithm": "sha512"},
            lambda body: {
                "X-Sign": base64.b64encode(hmac.new(SECRET.encode(), body, hashlib.sha512).digest()).decode()
            },
        ),
        ({"algorithm": "sha1", "prefix": "sha1="}, lambda body: {"X-Hub-Signature-256": "sha1=" + _hex(body, "sha1")}),
        ({"scheme": "token"}, lambda body: {"Authorization": f"Bearer {SECRET if body else ''}"}),
        ({"scheme": "standard", "secret": STANDARD}, lambda body: _standard(body)),  # noqa: PLW0108  defined below
        ({"scheme": "standard", "secret": STANDARD}, lambda body: _standard(body, before="v1,AAAA v1a,zz ")),
    ],
)
async def test_a_signed_message_is_taken_and_a_forged_one_is_not(
    keys: dict[str, object], make: Callable[[bytes], dict[str, str]]
) -> None:
    spool = FakeSpool()
    async with serving(spool, hook=(hook_table(**keys),)) as ask:
        assert await ask("/hooks/h") == 401
        for body in (GOOD, gzip.compress(GOOD)):
            packed = {"Content-Encoding": "gzip"} if body != GOOD else {}
            assert await ask("/hooks/h?device=other", body, **make(body), **packed) == 202
        if keys.get("scheme") != "token":
            assert await ask("/hooks/h", GOOD, **make(GOOD + b" ")) == 401
        headers = {name: value[:-2] + "AA" for name, value in make(GOOD).items()}
        assert await ask("/hooks/h", GOOD, **headers) == 401
        assert await ask("/hooks/h", GOOD, **{name: "\xff" + value for name, value in make(GOOD).items()}) == 401
        assert await ask("/hooks/h", b"garbage", **make(b"garbage")) == 202
    assert [reading.device for reading in spool.readings] == ["aq-2", "aq-2"]
    assert spool.undecoded[0].origin == "http:native?hook=h&device=aq-2&kind=weather"


def _hex(body: bytes, algorithm: str) -> str:
    return hmac.new(SECRET.encode(), body, algorithm).hexdigest()


def _standard(body: bytes, at: float | None = None, before: str = "") -> dict[str, str]:
    stamp = str(int(time.time() if at is None else at))
    signed = b"msg_1." + stamp.encode() + b"." + body
    made = base64.b64encode(hmac.new(b"24 bytes that nobody has", signed, hashlib.sha256).digest()).decode()
    return {"webhook-id": "msg_1", "webhook-timestamp": stamp, "webhook-signature": f"{before}v1,{made}"}


def test_a_standard_webhook_is_refused_when_its_time_is_off() -> None:
    checked = hook(scheme="standard", secret=STANDARD)
    assert checked.refusal(_standard(GOOD, 1_000_000), GOOD, 1_000_299) == ""
    assert "off" in checked.refusal(_standard(GOOD, 1_000_000), GOOD, 1_000_301)
    assert "off" in checked.refusal(_standard(GOOD, 1_000_000), GOOD, 999_699)
    assert "needed" in checked.refusal(_standard(GOOD) | {"webhook-timestamp": "soon"}, GOOD, time.time())


async def test_a_webhook_is_read_in_bounded_memory_before_it_is_believed() -> None:
    spool = FakeSpool()
    async with serving(spool, hook=(hook_table(),)) as ask:
        assert await ask("/hooks/h", bytes(10_000), X_Hub_Signature_256="sha256=00") == 413
        bomb = gzip.compress(bytes(2**20))
        signed = {"X-Hub-Signature-256": "sha256=" + _hex(bomb, "sha256")}
        assert await ask("/hooks/h", bomb, **signed, Content_Encoding="gzip") == 413


async def endless() -> AsyncIterator[bytes]:
    yield GOOD
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("keys", "headers"),
    [
        ({}, {}),
        ({}, {"X-Hub-Signature-256": "sha256="}),
        ({}, {"X-Hub-Signature-256": "sha1=00"}),
        ({"prefix": ""}, {}),
        ({"scheme": "token"}, {}),
        ({"scheme": "token"}, {"Authorization": f"Bearer {TOKEN}"}),
        ({"scheme": "standard", "secret": STANDARD}, {}),
        ({"scheme": "standard", "secret": STANDARD}, {"webhook-id": "a", "webhook-timestamp": "1"}),
        (
            {"scheme": "standard", "secret": STANDARD},
            {"webhook-id": "a", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"},
        ),
    ],
)
async def test_a_webhook_that_proves_nothing_is_refused_before_its_body_is_read(
    keys: dict[str, object], headers: dict[str, str]
) -> None:
    async with serving(FakeSpool(), hook=(hook_table(**keys),)) as ask:
        assert await asyncio.wait_for(ask("/hooks/h", endless(), **headers), 5) == 401


async def test_webhooks_have_places_of_their_own() -> None:
    spool = FakeSpool()
    signed = {"X-Hub-Signature-256": "sha256=" + _hex(GOOD, "sha256")}
    async with serving(spool, hook=(hook_table(),)) as ask:
        slow = asyncio.ensure_future(ask("/hooks/h", endless(), **signed))
        await asyncio.sleep(0.2)
        assert await ask("/hooks/h", **signed) == 429
        spool.gate.clear()
        waiting = [asyncio.ensure_future(ask(PATH)) for _ in range(4)]
        await asyncio.sleep(0.2)
        assert await ask(PATH) == 429
        slow.cancel()
        await asyncio.sleep(0.2)
        waiting.append(asyncio.ensure_future(ask("/hooks/h", **signed)))
        await asyncio.sleep(0.2)
        spool.gate.set()
        assert await asyncio.gather(*waiting) == [202] * 5


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "can't be read"),
        ("short\n", "less than 16 characters"),
        ("# none\n", "no token in"),
        (b"\xff", "UTF-8"),
        (f"{TOKEN}\nsha256:{EMPTY}\n", "token 'a': this is the hash of an empty token"),
    ],
)
def test_a_token_file_that_is_none_is_refused(tmp_path: Path, content: str | bytes | None, sentence: str) -> None:
    if content is not None:
        (tmp_path / "t").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigurationError, match=sentence):
        Tokens([TokenTable(name="a", file="t")], tmp_path)


def test_the_hash_of_an_empty_token_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"token 'b': this is the hash of an empty token"):
        Tokens([TokenTable(name="a", hash=f"sha256:{'0' * 64}"), TokenTable(name="b", hash=f"sha256:{EMPTY}")], Path())


def test_a_secret_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="at least 16"):
        hook(secret="short")  # noqa: S106  a test's own
    with pytest.raises(ConfigurationError, match="whsec_"):
        hook(scheme="standard", secret="whsec_this is no base64!")  # noqa: S106  likewise
    with pytest.raises(ConfigurationError, match="can't be read"):
        Hook(HookTable.model_validate({"name": "h", "decoder": "native", "secret_file": "none"}), tmp_path)
    with pytest.raises(ValidationError, match="either a secret or"):
        HookTable(name="h", decoder="native")
    with pytest.raises(ValidationError, match="either a hash or"):
        TokenTable(name="h")
