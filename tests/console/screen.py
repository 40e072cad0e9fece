"""A page of the console as a visitor has it open."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page

DESKTOP: Final = (1440, 900)
PHONE: Final = (390, 844)
_HERE: Final = ("127.0.0.1", None)


class Screens:
    """Opens pages, each with its own language, theme and size."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser

    @contextmanager
    def open(
        self,
        url: str,
        path: str = "",
        *,
        language: str = "en",
        theme: str = "light",
        size: tuple[int, int] = DESKTOP,
        complaints_expected: bool = False,
    ) -> Iterator[Page]:
        """Open a page and see, when it is closed, that it had no errors and asked nobody outside this machine."""
        context = self._browser.new_context(viewport={"width": size[0], "height": size[1]})
        context.add_init_script(
            f"localStorage.setItem('korat-language', '{language}'); localStorage.setItem('korat-theme', '{theme}');"
        )
        page = context.new_page()
        page.set_default_timeout(15_000)
        complaints: list[str] = []
        strangers: list[str] = []
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda asked: strangers.append(asked.url) if _outside(asked.url) else None)
        try:
            page.goto(f"{url}/{path}")
            yield page
        finally:
            context.close()
        assert strangers == []
        assert complaints_expected or complaints == []


def _outside(url: str) -> bool:
    return urlsplit(url).scheme != "data" and urlsplit(url).hostname not in _HERE
