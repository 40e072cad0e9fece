"""The page at `/` needs nothing but this API, and its browser is told so."""

import base64
import hashlib
import re

import httpx2


async def test_the_page_loads_nothing_from_elsewhere(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/")
    assert answer.headers["content-type"].startswith("text/html")
    assert not re.search(r"https?:|//[a-z]|@import|src=", answer.text)
    assert set(re.findall(r'href="([^"]*)"', answer.text)) == {"data:,"}


async def test_its_policy_allows_its_own_blocks_and_no_other(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/")
    policy = answer.headers["content-security-policy"]
    for tag, directive in (("script", "script-src"), ("style", "style-src")):
        (block,) = re.findall(rf"<{tag}>(.*?)</{tag}>", answer.text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(block.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert "connect-src 'self'" in policy


async def test_it_asks_only_addresses_that_exist(client: httpx2.AsyncClient) -> None:
    page = (await client.get("/")).text
    asked = set(re.findall(r'"(/v1/[a-z]+)"', page))
    assert asked == {"/v1/latest", "/v1/catalog", "/v1/ledger"}
    for path in asked:
        assert (await client.get(path)).status_code == 200
