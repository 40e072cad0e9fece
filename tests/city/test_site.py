"""Which requests an open door takes for those of a foreign page."""

import pytest

from city.site import OpenSite

OURS = {"host": ["127.0.0.1:8000"]}
SITE = OpenSite.parse("korat.lan, Gate.example")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        OURS,
        {"host": ["localhost:8000"]},
        {"host": ["[::1]:8000"]},
        {"host": ["127.3.2.1"]},
        {"host": ["Korat.LAN:8000"]},
        OURS | {"origin": ["http://127.0.0.1:8000"], "sec-fetch-site": ["same-origin"]},
        OURS | {"origin": ["https://gate.example"]},
        OURS | {"sec-fetch-site": ["none"], "sec-fetch-mode": ["navigate"]},
        OURS | {"referer": ["http://127.0.0.1:8000/"]},
    ],
)
@pytest.mark.parametrize("only_looks", [True, False])
def test_devices_command_lines_and_our_own_page_pass(headers: dict[str, list[str]], *, only_looks: bool) -> None:
    assert SITE.refusal(headers, only_looks=only_looks) == ""


@pytest.mark.parametrize(
    "headers",
    [
        {"host": ["evil.example:8000"]},
        {"host": ["127.0.0.1.evil.example"]},
        {"host": ["localhost.evil.example"]},
        {"host": ["127.0.0.1@evil.example"]},
        {"host": ["192.168.1.7:8000"]},
        {"host": [""]},
        {"host": ["[::1"]},
        {"host": ["127.0.0.1:8000", "evil.example"]},
        OURS | {"origin": ["http://evil.example"]},
        OURS | {"origin": ["null"]},
        OURS | {"origin": [""]},
        OURS | {"origin": ["http://127.0.0.1:3000"]},
        OURS | {"origin": ["http://localhost:8000"]},
        OURS | {"origin": ["http://[::1"]},
        OURS | {"origin": ["http://127.0.0.1:8000", "http://evil.example"]},
        OURS | {"sec-fetch-site": ["cross-site"], "sec-fetch-mode": ["no-cors"]},
        OURS | {"sec-fetch-site": ["same-site"]},
        OURS | {"sec-fetch-site": ["same-origin", "cross-site"]},
    ],
)
@pytest.mark.parametrize("only_looks", [True, False])
def test_foreign_names_and_pages_are_refused(headers: dict[str, list[str]], *, only_looks: bool) -> None:
    assert SITE.refusal(headers, only_looks=only_looks)


def test_a_link_may_lead_to_what_only_looks() -> None:
    link = OURS | {"sec-fetch-site": ["cross-site"], "sec-fetch-mode": ["navigate"]}
    assert SITE.refusal(link, only_looks=True) == ""
    assert SITE.refusal(link, only_looks=False)
    assert SITE.refusal(OURS | {"referer": ["http://evil.example/"]}, only_looks=False)
    assert SITE.refusal(OURS | {"referer": ["http://evil.example/"]}, only_looks=True) == ""
