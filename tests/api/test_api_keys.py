"""Who may ask: bearer keys, kept as hashes."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from prometheus_client import CollectorRegistry

from api.app import build
from api.keys import Keys, new_key, open_keys
from api.run import run
from api.settings import ApiSettings
from city.errors import ConfigurationError
from city.ledger.port import Ledger
from city.registry.port import Registry
from city.store.port import Store
from support.ports import accepts, free_port

EVERYWHERE = "0.0.0.0"  # noqa: S104 - it is refused, or asks for a key


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "api_keys"


@pytest.fixture
def key(file: Path) -> str:
    """Give a good key; another one is good too."""
    (key, line), (_, other) = new_key("first"), new_key("second")
    file.write_text(f"# who polls\n{other}\n\n{line}\n")
    return key


@pytest.fixture
async def asked(
    store: Store, ledger: Ledger, registry: Registry, key: str, file: Path
) -> AsyncIterator[httpx2.AsyncClient]:
    """Give a client of an app that asks for keys."""
    assert key
    settings = ApiSettings(ready_timeout_s=0.2)
    app = build(
        store, ledger, registry, checks={}, settings=settings, metrics=CollectorRegistry(), keys=Keys.read(file)
    )
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1") as client:
        yield client


@pytest.mark.parametrize(
    "path", ["/v1/catalog", "/v1/latest", "/v1/ledger", "/metrics", "/no/such/thing", "/v1/../v1/ledger"]
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
async def test_without_a_key_nothing_is_said(asked: httpx2.AsyncClient, method: str, path: str) -> None:
    answer = await asked.request(method, path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="korat"'
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    if method != "HEAD":
        problem = answer.json()
        assert (problem["type"], problem["status"]) == ("urn:korat:problem:no-key", 401)
        assert "Authorization: Bearer" in problem["detail"]


@pytest.mark.parametrize(
    "given",
    ["Bearer wrong", "Bearer ", "Bearer", "", "Basic {key}", "{key}", "Bearer {key}x", "Bearer x{key}", "Bearer \xff"],
)
async def test_a_wrong_key_is_no_key(asked: httpx2.AsyncClient, key: str, given: str) -> None:
    value = given.format(key=key).encode("latin-1")
    answer = await asked.get("/v1/catalog", headers=[(b"Authorization", value)])
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="korat", error="invalid_token"'
    assert key not in answer.text


async def test_two_keys_are_none(asked: httpx2.AsyncClient, key: str) -> None:
    both = [("Authorization", f"Bearer {key}"), ("Authorization", "Bearer wrong")]
    assert (await asked.get("/v1/catalog", headers=both)).status_code == 401


@pytest.mark.parametrize("path", ["/v1/catalog", "/v1/latest", "/metrics"])
@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
async def test_a_good_key_opens(asked: httpx2.AsyncClient, key: str, path: str, scheme: str) -> None:
    assert (await asked.get(path, headers={"Authorization": f"{scheme} {key}"})).status_code == 200


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/", "/openapi.json"])
async def test_what_holds_no_readings_stays_open(asked: httpx2.AsyncClient, path: str) -> None:
    assert (await asked.get(path)).status_code == 200


async def test_the_document_says_how_a_key_is_sent(client: httpx2.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert {"key": []} in document["security"]


def test_a_key_is_long_and_its_line_holds_only_the_hash() -> None:
    key, line = new_key("somebody")
    assert len(key) > 40
    assert key not in line
    assert line == f"somebody sha256:{hashlib.sha256(key.encode()).hexdigest()}"
    assert new_key("somebody")[0] != key


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is empty"),
        ("# nobody\n", "there is no key in"),
        ("first sha256:12\n", "line 1 of .* is not a name and sha256"),
        ("korat_secretsecret\n", "line 1 of .* is not a name and sha256"),
        (f"a sha256:{'0' * 64}\na sha256:{'1' * 64}\n", "has two keys named 'a'"),
    ],
)
def test_a_wrong_file_is_one_sentence_without_its_content(file: Path, text: str, sentence: str) -> None:
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=sentence) as refused:
        open_keys(ApiSettings(keys_file=str(file)))
    assert "KORAT_API_KEYS_FILE (api.keys_file)" in str(refused.value)
    assert "secretsecret" not in str(refused.value)


def test_a_file_that_is_not_there_is_one_sentence(file: Path) -> None:
    with pytest.raises(ConfigurationError, match="can't be read: No such file"):
        open_keys(ApiSettings(keys_file=str(file)))


@pytest.mark.parametrize("host", [EVERYWHERE, "::", "192.0.2.1", "city.example", "127.0.0.1.example"])
def test_other_machines_are_not_let_in_without_keys(host: str, key: str, file: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"KORAT_API_HOST \(api\.host\): .* other machines, so KORAT_API_KEYS"):
        open_keys(ApiSettings(host=host))
    keys = open_keys(ApiSettings(host=host, keys_file=str(file)))
    assert keys is not None
    assert keys.find(f"Bearer {key}") == "first"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_is_open(host: str) -> None:
    assert open_keys(ApiSettings(host=host)) is None


async def test_the_server_does_not_start_open(store: Store, ledger: Ledger, registry: Registry) -> None:
    settings = ApiSettings(host=EVERYWHERE, port=free_port())
    rest = {"store": store, "ledger": ledger, "registry": registry, "checks": {}, "metrics": CollectorRegistry()}
    with pytest.raises(ConfigurationError, match="korat init"):
        await run(settings, **rest, stop=asyncio.Event())
    assert not accepts(settings.port)
