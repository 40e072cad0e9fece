"""The files of the console: small, complete, in both languages, and asking nobody else."""

import gzip
import json
import re
from pathlib import Path

import httpx2
import pytest
from prometheus_client import CollectorRegistry

from api.app import build
from api.routes.console import BOARDS, FOLDER
from api.settings import ApiSettings
from city.errors import ConfigurationError, Reason
from city.settings import load

_OWN = sorted(path for path in FOLDER.rglob("*") if path.is_file() and "vendor" not in path.parts)
_SHIPPED = [path for path in FOLDER.rglob("*") if path.is_file() and path.name != "LICENSE"]
_MAX_BYTES = 250_000
_LONGEST = 260


def _scripts() -> list[Path]:
    return [path for path in _OWN if path.suffix == ".js"]


def _client(**settings: str) -> httpx2.AsyncClient:
    app = build(
        None,  # type: ignore[arg-type] - no file needs a store
        None,  # type: ignore[arg-type]
        None,  # type: ignore[arg-type]
        checks={},
        settings=ApiSettings(**settings),  # type: ignore[arg-type]
        metrics=CollectorRegistry(),
    )
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1")


def test_all_of_it_is_small() -> None:
    packed = sum(len(gzip.compress(path.read_bytes(), 9)) for path in [*_SHIPPED, BOARDS])
    assert packed < _MAX_BYTES


def test_a_module_fits_into_a_head() -> None:
    too_long = {
        path.name: lines for path in _scripts() if (lines := len(path.read_text("utf-8").splitlines())) > _LONGEST
    }
    assert too_long == {}


def test_our_files_name_no_address_elsewhere() -> None:
    found = {path.name: re.findall(r"https?://[^\s\"'<>)]+", path.read_text("utf-8")) for path in _OWN}
    assert {name: hits for name, hits in found.items() if set(hits) - {"http://www.w3.org/2000/svg"}} == {}


def test_vendored_files_have_their_licence_and_no_source_map() -> None:
    for folder in (FOLDER / "vendor").iterdir():
        assert (folder / "LICENSE").is_file()
        assert not any("sourceMappingURL" in path.read_text("utf-8") for path in folder.glob("*.js"))


def test_every_message_is_there_in_both_languages() -> None:
    messages = _messages()
    assert all(english and thai and english != thai for english, thai in messages.values())
    assert [key for key, (_, thai) in messages.items() if not re.search("[฀-๿]", thai)] == []


def test_every_message_that_is_shown_is_in_the_table() -> None:
    messages = _messages()
    code = "".join(path.read_text("utf-8") for path in [*_scripts(), FOLDER / "index.html"])
    asked = set(re.findall(r'\bt\("([a-z][\w.]*)"', code)) | set(re.findall(r'data-t(?:-label)?="([\w.]+)"', code))
    assert asked - messages.keys() == set()


def test_every_reason_is_explained() -> None:
    messages = _messages()
    assert {key.removeprefix("reason.") for key in messages if key.startswith("reason.")} == set(Reason)
    text = (FOLDER / "js" / "reasons.js").read_text("utf-8")
    advised = re.search(r"ADVICE = \{(.*?)\};", text, re.DOTALL)
    assert advised is not None
    pairs = re.findall(r'(\w+): "(\w+)"', advised[1])
    assert {reason for reason, _ in pairs} <= set(Reason)
    assert {f"todo.{advice}" for _, advice in pairs} <= messages.keys()


def test_basemaps_lie_in_their_province() -> None:
    for path in (FOLDER / "basemaps").glob("*.json"):
        ground = json.loads(path.read_text("utf-8"))
        (south, west), (north, east) = ground["bounds"]
        assert path.stem == ground["code"]
        places = [town["at"] for town in ground["towns"]] + [at for road in ground["roads"] for at in road["points"]]
        assert all(south <= lat <= north and west <= lon <= east for lat, lon in places)


async def test_the_page_may_run_nothing_but_its_own_files() -> None:
    async with _client() as client:
        answer = await client.get("/")
    policy = answer.headers["content-security-policy"]
    assert (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:;" in policy
    )
    assert "unsafe" not in policy
    assert not re.search(r"<style|<script>|\son\w+=|\sstyle=", answer.text)
    assert set(re.findall(r'(?:href|src)="([^"#]+)"', answer.text)) <= {
        f"/console/{path.relative_to(FOLDER).as_posix()}" for path in _SHIPPED
    }


async def test_files_are_packed_and_not_sent_twice() -> None:
    async with _client() as client:
        for path in ("", "console/js/main.js", "console/vendor/leaflet/leaflet.js", "console/boards.json"):
            answer = await client.get(f"/{path}")
            assert answer.status_code == 200
            assert answer.headers["content-encoding"] == "gzip"
            again = await client.get(f"/{path}", headers={"If-None-Match": answer.headers["etag"]})
            assert (again.status_code, again.content) == (304, b"")
            plain = await client.get(f"/{path}", headers={"Accept-Encoding": "identity"})
            assert plain.content == answer.content


@pytest.mark.parametrize("path", ["js/none.js", "../settings.py", "%2e%2e/settings.py", "js", "vendor/leaflet/LICENSE"])
async def test_nothing_else_is_given_out(path: str) -> None:
    async with _client() as client:
        answer = await client.get(f"/console/{path}")
    assert answer.status_code == 404


async def test_tiles_are_asked_for_only_where_somebody_set_them() -> None:
    async with _client() as client:
        assert (await client.get("/console/tiles.json")).json() == {"address": "", "credit": ""}
    address = "https://tiles.example/{z}/{x}/{y}.png"
    async with _client(console_tiles=address, console_tiles_credit="Somebody") as client:
        assert (await client.get("/console/tiles.json")).json() == {"address": address, "credit": "Somebody"}
        policy = (await client.get("/")).headers["content-security-policy"]
    assert "img-src 'self' data: https://tiles.example;" in policy


@pytest.mark.parametrize(
    "address",
    ["tiles.example/{z}/{x}/{y}", "https://tiles.example/{z}/{x}.png", "https://a.example; script-src *//{z}{x}{y}"],
)
def test_an_address_without_tiles_is_refused(address: str) -> None:
    with pytest.raises(ConfigurationError, match="console_tiles"):
        load(ApiSettings, {"KORAT_API_CONSOLE_TILES": address})


def _messages() -> dict[str, tuple[str, str]]:
    text = "".join((FOLDER / "js" / name).read_text("utf-8") for name in ("messages.js", "reasons.js"))
    quoted = r'\s*"((?:[^"\\]|\\.)*)"'
    rows = re.findall(rf'^  "?([\w.]+)"?: \[{quoted},{quoted},?\s*\],$', text, re.MULTILINE)
    return {key: (english, thai) for key, english, thai in rows}
