"""The console: static files that need nothing but this API."""

import gzip
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec
from fastapi import APIRouter, Request, Response
from xxhash import xxh3_128_hexdigest

from api.encoding import accepts_gzip
from api.problems import unknown
from api.responses import MsgspecResponse
from api.settings import ApiSettings

FOLDER: Final = Path(__file__).parents[1] / "console"
BOARDS: Final = FOLDER.parents[1] / "dashboards" / "generated" / "console.json"
"""What the boards' printer wrote for the console, shipped beside this package; without it there are no boards."""

_MEDIA: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
_FILES: Final = {
    path.relative_to(FOLDER).as_posix(): path for path in sorted(FOLDER.rglob("*")) if path.suffix in _MEDIA
}
"""Everything that may be asked for; a path that isn't a key here never reaches the disk."""

if BOARDS.is_file():
    _FILES["boards.json"] = BOARDS


class Tiles(msgspec.Struct, frozen=True):
    """Where map tiles come from, and whom the map thanks for them; both empty without."""

    address: str
    credit: str


@dataclass(frozen=True, slots=True)
class _Asset:
    media: str
    plain: bytes
    packed: bytes
    tag: str


def make_router(settings: ApiSettings) -> APIRouter:
    """Make the routes of the console; where map tiles come from decides its content security policy."""
    router = APIRouter(include_in_schema=False)
    policy = {"Content-Security-Policy": _policy(settings.console_tiles)}
    tiles = Tiles(settings.console_tiles, settings.console_tiles_credit)

    @router.get("/")
    async def page(request: Request) -> Response:
        return _answer(request, "index.html", policy)

    @router.get("/console/tiles.json")
    async def tile_source() -> Response:
        return MsgspecResponse(tiles, headers={"Cache-Control": "no-cache"})

    @router.get("/console/{path:path}")
    async def file(request: Request, path: str) -> Response:
        return _answer(request, path, {})

    return router


def _policy(tiles: str) -> str:
    """Allow this origin's own files, and pictures from where the map's tiles are: nothing inline, nothing else."""
    parts = urlsplit(tiles)
    pictures = f"'self' data: {parts.scheme}://{parts.netloc}" if parts.netloc else "'self' data:"
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        f"img-src {pictures}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _answer(request: Request, name: str, more: dict[str, str]) -> Response:
    if name not in _FILES:
        raise unknown("file", name)
    asset = _read(name)
    headers = {"ETag": asset.tag, "Cache-Control": "no-cache", **more}
    if request.headers.get("if-none-match") == asset.tag:
        return Response(status_code=304, headers=headers)
    if accepts_gzip(request.headers.getlist("accept-encoding")):
        return Response(asset.packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=asset.media)
    return Response(asset.plain, headers=headers, media_type=asset.media)


@cache
def _read(name: str) -> _Asset:
    plain = _FILES[name].read_bytes()
    return _Asset(
        _MEDIA[_FILES[name].suffix], plain, gzip.compress(plain, 9, mtime=0), f'W/"{xxh3_128_hexdigest(plain)}"'
    )
