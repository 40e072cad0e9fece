"""An API without keys answers this machine, and no page of another site that a browser on it shows."""

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from api.problems import Problem
from city.site import OpenSite

_HEADERS: Final = frozenset({"host", "origin", "referer", "sec-fetch-site", "sec-fetch-mode"})
_LOOKS: Final = frozenset({"GET", "HEAD"})


class OpenSiteCheck:
    """Middleware of an API without keys; `Guard` around it answers what it raises."""

    def __init__(self, app: ASGIApp, *, site: OpenSite) -> None:
        self._app = app
        self._site = site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass unless it is of a foreign page.

        Raises:
            Problem: 403 `foreign-page`.
        """
        if scope["type"] == "http":
            headers: dict[str, list[str]] = {}
            for name, value in scope["headers"]:
                if (key := name.decode("latin-1")) in _HEADERS:
                    headers.setdefault(key, []).append(value.decode("latin-1"))
            sentence = self._site.refusal(headers, only_looks=scope["method"] in _LOOKS)
            if sentence:
                raise Problem(403, "foreign-page", sentence, {"Cache-Control": "no-store"})
        await self._app(scope, receive, send)
