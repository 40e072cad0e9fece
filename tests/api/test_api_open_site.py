"""An API without keys: foreign pages neither read nor re-drive, and codings are as the client says."""

import httpx2
import pytest

from api.encoding import accepts_gzip


@pytest.mark.parametrize("path", ["/v1/latest", "/v1/quarantine", "/health/live", "/", "/metrics", "/openapi.json"])
async def test_a_foreign_name_reads_nothing(client: httpx2.AsyncClient, path: str) -> None:
    answer = await client.get(path, headers={"Host": "evil.example"})
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:korat:problem:foreign-page"
    assert (await client.get(path)).status_code == 200


@pytest.mark.parametrize("given", [{"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
async def test_a_foreign_page_re_drives_nothing(client: httpx2.AsyncClient, given: dict[str, str]) -> None:
    for kind in ("application/json", "text/plain"):
        headers = given | {"Content-Type": kind}
        answer = await client.post("/v1/quarantine/redrive", content=b'{"all": true}', headers=headers)
        assert answer.status_code == 403
    own = {"Origin": "http://127.0.0.1", "Sec-Fetch-Site": "same-origin"}
    assert (await client.post("/v1/quarantine/redrive", json={"all": True}, headers=own)).status_code == 202


@pytest.mark.parametrize(
    ("given", "takes"),
    [
        ("gzip", True),
        ("GZip", True),
        ("x-gzip", True),
        ("*", True),
        ("deflate, *;q=0.1", True),
        ("gzip;q=0.001, br", True),
        ("gzip;q=0", False),
        ("gzip; Q=0.000", False),
        ("gzip;q=0, *", False),
        ("*;q=0", False),
        ("notgzip", False),
        ("gzip;q=oops", False),
        ("identity", False),
        ("", False),
    ],
)
async def test_gzip_is_sent_to_who_takes_it(client: httpx2.AsyncClient, given: str, *, takes: bool) -> None:
    assert accepts_gzip([given]) is takes
    for path in ("/v1/catalog", "/"):
        answer = await client.get(path, headers={"Accept-Encoding": given})
        assert (answer.headers.get("content-encoding") == "gzip") is takes
        assert answer.headers["vary"] == "Accept-Encoding"
        tagged = await client.get(path, headers={"Accept-Encoding": given, "If-None-Match": answer.headers["etag"]})
        assert (tagged.status_code, tagged.headers["vary"]) == (304, "Accept-Encoding")
