"""The small page at `/`; it needs nothing but this API."""

import base64
import hashlib
import re
from pathlib import Path
from typing import Final

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

router = APIRouter(include_in_schema=False)

_PAGE: Final = (Path(__file__).parents[1] / "console" / "index.html").read_text("utf-8")


def _hashes(tag: str) -> str:
    """Hash the inline blocks of a tag, so that the browser runs these and nothing else (CSP 3, 2.3.1)."""
    blocks = re.findall(rf"<{tag}>(.*?)</{tag}>", _PAGE, re.DOTALL)
    digests = (base64.b64encode(hashlib.sha256(block.encode()).digest()).decode() for block in blocks)
    return " ".join(f"'sha256-{digest}'" for digest in digests)


_HEADERS: Final = {
    "Content-Security-Policy": (
        f"default-src 'none'; script-src {_hashes('script')}; style-src {_hashes('style')}; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-cache",
}


@router.get("/")
async def page() -> HTMLResponse:
    """Show the page."""
    return HTMLResponse(_PAGE, headers=_HEADERS)
