"""`korat init` against a stub of InfluxDB 2.7's documented endpoints, and a real PostgreSQL."""

import asyncio
import hashlib
import re
import stat
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from api.keys import Keys
from city.errors import ConfigurationError, Unavailable
from city.ledger import open_ledger
from korat.init import init
from korat.init_settings import Bucket, InitSettings
from korat.settings import PlatformSettings
from support.influx_stub import InfluxStub
from support.ports import free_port

ADMIN = "an-administrator-s-token"
PASSWORD = "a good password"  # noqa: S105 - the stub's


class Server:
    """The stub on a port."""

    def __init__(self) -> None:
        self.stub = InfluxStub()
        self.port = free_port()
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        self._runner = web.AppRunner(self.stub.app())
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    yield made
    await made.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "secrets"
    made.mkdir()
    (made / "influx_admin_token").write_text(f"{ADMIN}\n")
    (made / "influx_admin_password").write_text(f"{PASSWORD}\n")
    # as deploy/make-secrets leaves them
    for empty in ("influx_write_token", "influx_read_token", "api_keys"):
        (made / empty).touch()
    return made


@pytest.fixture
def settings(server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> PlatformSettings:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KORAT_STORE_URL", f"influxdb://127.0.0.1:{server.port}/city")
    monkeypatch.setenv("KORAT_INIT_SECRETS", str(folder))
    monkeypatch.setenv("KORAT_INIT_BUCKETS", "city=forever; hourly=730d")
    monkeypatch.setenv("KORAT_INIT_WAIT_S", "5")
    return PlatformSettings.load()


def contents(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text().strip() for file in folder.iterdir()}


def rights(stub: InfluxStub, token: str) -> set[tuple[str, str]]:
    (found,) = [one for one in stub.authorizations.values() if one["token"] == token]
    return {(one["action"], stub.buckets[one["resource"]["id"]]["name"]) for one in found["permissions"]}


async def test_a_new_server_is_set_up_once(
    server: Server, settings: PlatformSettings, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await server.start()
    await init(settings)
    stub, made = server.stub, contents(folder)
    assert (stub.onboarding["username"], stub.onboarding["password"], stub.token) == ("korat", PASSWORD, ADMIN)
    assert list(stub.orgs.values()) == ["korat"]
    keeps = {one["name"]: [rule["everySeconds"] for rule in one["retentionRules"]] for one in stub.buckets.values()}
    assert keeps == {"city": [], "hourly": [730 * 86_400]}
    both = {("read", "city"), ("read", "hourly")}
    assert rights(stub, made["influx_read_token"]) == both
    assert rights(stub, made["influx_write_token"]) == both | {("write", "city"), ("write", "hourly")}
    for name in ("influx_write_token", "influx_read_token", "api_keys", "api_key"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    said = capsys.readouterr().out
    assert said.splitlines()[-1] == "all is ready"
    assert not any(secret in said for secret in made.values())

    stub.changes.clear()
    await init(settings)
    assert stub.changes == []
    assert contents(folder) == made
    assert "made" not in capsys.readouterr().out


async def test_the_api_s_key_is_kept_as_a_hash(server: Server, settings: PlatformSettings, folder: Path) -> None:
    await server.start()
    await init(settings)
    key = contents(folder)["api_key"]
    assert contents(folder)["api_keys"] == f"first sha256:{hashlib.sha256(key.encode()).hexdigest()}"
    assert Keys.read(folder / "api_keys").find(f"Bearer {key}") == "first"


async def test_files_may_be_for_a_group(server: Server, settings: PlatformSettings, folder: Path) -> None:
    await server.start()
    await init(replace(settings, init=settings.init.model_copy(update={"mode": "0640"})))
    assert stat.S_IMODE((folder / "influx_read_token").stat().st_mode) == 0o640


async def test_without_a_token_of_ours_the_server_s_own_is_kept(
    server: Server, settings: PlatformSettings, folder: Path
) -> None:
    (folder / "influx_admin_token").unlink()
    await server.start()
    await init(settings)
    assert contents(folder)["influx_admin_token"] == server.stub.token != ADMIN


async def test_a_server_of_somebody_else_gets_what_it_lacks(
    server: Server, settings: PlatformSettings, folder: Path
) -> None:
    server.stub.token = ADMIN
    server.stub.orgs = {"o7": "elsewhere"}
    await server.start()
    await init(settings)
    assert server.stub.onboarding == {}
    assert list(server.stub.orgs.values()) == ["elsewhere", "korat"]
    assert {one["orgID"] for one in server.stub.buckets.values()} == {"o2"}
    assert len(server.stub.authorizations) == 2
    assert contents(folder)["influx_write_token"]


async def test_a_lost_token_is_made_anew_and_the_old_one_ends(
    server: Server, settings: PlatformSettings, folder: Path
) -> None:
    await server.start()
    await init(settings)
    before = contents(folder)
    (folder / "influx_write_token").write_text("")
    await init(settings)
    after = contents(folder)
    assert after["influx_write_token"] != before["influx_write_token"]
    assert after["influx_read_token"] == before["influx_read_token"]
    live = {one["token"] for one in server.stub.authorizations.values()}
    assert live == {after["influx_write_token"], after["influx_read_token"]}


async def test_tokens_of_another_server_are_replaced(server: Server, settings: PlatformSettings, folder: Path) -> None:
    (folder / "influx_write_token").write_text("of-yesterday-s-server")
    await server.start()
    await init(settings)
    assert rights(server.stub, contents(folder)["influx_write_token"])


async def test_a_server_that_hides_tokens_is_not_asked_for_more(server: Server, settings: PlatformSettings) -> None:
    server.stub.shows_tokens = False
    await server.start()
    await init(settings)
    server.stub.changes.clear()
    await init(settings)
    assert server.stub.changes == []


async def test_a_new_bucket_comes_into_the_tokens(server: Server, settings: PlatformSettings, folder: Path) -> None:
    await server.start()
    await init(settings)
    more = settings.init.model_copy(update={"buckets": (*settings.init.buckets, "daily=520w")})
    await init(replace(settings, init=more))
    assert ("read", "daily") in rights(server.stub, contents(folder)["influx_read_token"])
    assert len(server.stub.authorizations) == 2


async def test_a_bucket_s_time_is_not_changed(
    server: Server, settings: PlatformSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    await server.start()
    await init(settings)
    shorter = settings.init.model_copy(update={"buckets": ("city=1d", "hourly=730d")})
    await init(replace(settings, init=shorter))
    assert "the bucket city (for ever) is there and stays so" in capsys.readouterr().out
    assert server.stub.buckets["b1"]["retentionRules"] == []


@pytest.mark.parametrize(
    ("name", "text", "is_new", "sentence"),
    [
        ("influx_admin_token", "", False, "was set up before, so .*influx_admin_token must hold a token of its admin"),
        ("influx_admin_token", "wrong", False, r"refuses this \(401 unauthorized access\); see whether .*_admin_token"),
        ("influx_admin_password", "short", True, "is new, so .*influx_admin_password must hold a password of at least"),
    ],
)
async def test_what_is_missing_is_one_sentence(
    server: Server, settings: PlatformSettings, folder: Path, name: str, text: str, *, is_new: bool, sentence: str
) -> None:
    server.stub.token = "" if is_new else ADMIN
    (folder / name).write_text(text)
    await server.start()
    with pytest.raises(ConfigurationError, match=sentence) as refused:
        await init(settings)
    assert "\n" not in str(refused.value)
    assert ADMIN not in str(refused.value)
    assert contents(folder)["api_keys"] == ""


async def test_a_broken_server_is_one_sentence(server: Server, settings: PlatformSettings) -> None:
    server.stub.broken = 500
    await server.start()
    with pytest.raises(Unavailable, match=r"InfluxDB at http://127\.0\.0\.1:\d+: 500 it is broken"):
        await init(settings)


async def test_it_waits_for_servers_and_says_so(
    server: Server, settings: PlatformSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    setting_up = asyncio.create_task(init(settings))
    await asyncio.sleep(0.3)
    await server.start()
    await setting_up
    first, *_ = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"waiting for InfluxDB at http://127\.0\.0\.1:\d+, 0 of 5 s: .*does not answer.*", first)


async def test_it_gives_up(settings: PlatformSettings) -> None:
    hasty = settings.init.model_copy(update={"wait_s": 0.1})
    with pytest.raises(Unavailable, match="did not come up within 0 s"):
        await init(replace(settings, init=hasty))


async def test_the_ledger_s_tables_are_made(
    settings: PlatformSettings, postgres_database: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    city = settings.city.model_copy(update={"store_url": "", "ledger_url": postgres_database})
    await init(replace(settings, city=city))
    assert "ledger: its tables are there" in capsys.readouterr().out
    assert contents(folder)["api_keys"]
    ledger = await open_ledger(postgres_database)
    await ledger.aclose()


@pytest.mark.parametrize(
    ("text", "bucket"),
    [("a=forever", Bucket("a", 0)), ("b = 36h", Bucket("b", 129_600)), ("c=2w", Bucket("c", 1_209_600))],
)
def test_a_bucket_is_read(text: str, bucket: Bucket) -> None:
    assert Bucket.parse(text) == bucket


@pytest.mark.parametrize("text", ["a", "a=", "a=0d", "a=1y", "a=-1d", "a b=1d", "a=1d;a=2d", "=1d"])
def test_what_is_no_bucket_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="bucket"):
        InitSettings.model_validate({"buckets": text})


async def test_buckets_without_the_store_s_are_refused(settings: PlatformSettings) -> None:
    other = settings.init.model_copy(update={"buckets": ("hourly=1d",)})
    with pytest.raises(ConfigurationError, match="lacks 'city'"):
        await init(replace(settings, init=other))
