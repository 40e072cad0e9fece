"""Boards reach a Grafana over its HTTP API; a stub stands for it, because no Grafana is here."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from city.errors import ConfigurationError
from dashboards.boards import BOARDS
from dashboards.printing import print_all
from dashboards.pushing import Login, push

pytest.importorskip("grafana_api", reason="the extra `grafana` is not installed: pip install 'korat[grafana]'")

_TOKEN = "glsa_stub"  # noqa: S105 - the stub's


class GrafanaStub:
    """Answers three routes of Grafana's HTTP API as its documentation says; it is no Grafana."""

    def __init__(self) -> None:
        self.folders: dict[str, str] = {}
        self.boards: dict[str, dict[str, Any]] = {}
        self.app = web.Application(middlewares=[self._guard])
        self.app.router.add_get("/api/folders/{uid}", self._folder)
        self.app.router.add_post("/api/folders", self._make_folder)
        self.app.router.add_post("/api/dashboards/db", self._board)

    @web.middleware
    async def _guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        basic = "Basic b3BlcmF0b3I6c2VjcmV0"
        if request.headers.get("Authorization") not in {f"Bearer {_TOKEN}", basic}:
            return web.json_response({"message": "Invalid API key"}, status=401)
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _folder(self, request: web.Request) -> web.Response:
        uid = request.match_info["uid"]
        if uid not in self.folders:
            return web.json_response({"message": "folder not found"}, status=404)
        return web.json_response({"uid": uid, "title": self.folders[uid]})

    async def _make_folder(self, request: web.Request) -> web.Response:
        body = await request.json()
        if body["uid"] in self.folders:
            return web.json_response({"message": "a folder with the same uid exists"}, status=409)
        self.folders[body["uid"]] = body["title"]
        return web.json_response(body)

    async def _board(self, request: web.Request) -> web.Response:
        body = await request.json()
        uid = body["dashboard"]["uid"]
        if uid in self.boards and not body["overwrite"]:
            return web.json_response({"message": "a dashboard with the same uid exists"}, status=412)
        assert body["folderUid"] in self.folders
        self.boards[uid] = body["dashboard"]
        return web.json_response({"uid": uid, "status": "success"})


@pytest.fixture
async def stub() -> AsyncIterator[tuple[GrafanaStub, str]]:
    grafana = GrafanaStub()
    runner = web.AppRunner(grafana.app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield grafana, f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
def printed_folder(tmp_path: Path) -> Path:
    print_all(tmp_path)
    return tmp_path


@pytest.mark.parametrize("login", [Login(token=_TOKEN), Login(user="operator", password="secret")])  # noqa: S106 - stub's
async def test_boards_are_sent_and_sent_again(
    login: Login, stub: tuple[GrafanaStub, str], printed_folder: Path
) -> None:
    grafana, url = stub
    sent = await asyncio.to_thread(push, url, login, printed_folder)
    assert len(sent) == 2 * len(BOARDS)
    assert set(sent) == set(grafana.boards)
    assert set(grafana.folders) == {"korat-en", "korat-th"}
    assert await asyncio.to_thread(push, url, login, printed_folder) == sent
    thai = printed_folder / "generated" / "grafana" / "th" / "air.json"
    assert grafana.boards["korat-th-air"] == json.loads(thai.read_text("utf-8"))


async def test_a_wrong_token_is_a_sentence_without_it(stub: tuple[GrafanaStub, str], printed_folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="takes no boards: Unauthorized") as refused:
        await asyncio.to_thread(push, stub[1], Login(token="glsa_wrong"), printed_folder)  # noqa: S106 - wrong on purpose
    assert "glsa_wrong" not in str(refused.value)


def test_what_cannot_be_sent_is_a_sentence(tmp_path: Path, printed_folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="print them first"):
        push("http://127.0.0.1:9", Login(token=_TOKEN), tmp_path / "empty")
    with pytest.raises(ConfigurationError, match="no URL like"):
        push("127.0.0.1:3000", Login(token=_TOKEN), printed_folder)
    with pytest.raises(ConfigurationError, match="takes no boards"):
        push("http://127.0.0.1:9", Login(token=_TOKEN), printed_folder)
