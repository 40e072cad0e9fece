"""Only trusted proxies say whom a request is of, and only as far as they know it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.proxies import ClientShares, TrustedProxies

PROXIES = TrustedProxies.parse("127.0.0.1, ::1,10.1.0.0/16")


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "forwarded", "client"),
    [
        ("127.0.0.1", ["203.0.113.7"], [], "203.0.113.7"),
        ("127.0.0.1", [], ['for="[2001:db8::7]:4711";proto=https'], "2001:db8::7"),
        ("::1", [], ["proto=https; For=203.0.113.7;by=_x"], "203.0.113.7"),
        ("::ffff:127.0.0.1", ["203.0.113.7:9"], [], "203.0.113.7"),
        ("127.0.0.1", ["6.6.6.6, 203.0.113.7, 10.1.2.3"], [], "203.0.113.7"),
        ("127.0.0.1", ["6.6.6.6", "203.0.113.7,10.1.2.3"], [], "203.0.113.7"),
        ("127.0.0.1", [], ["for=6.6.6.6, for=203.0.113.7", "for=10.1.2.3"], "203.0.113.7"),
        ("127.0.0.1", ["10.1.2.3"], [], "10.1.2.3"),
        ("127.0.0.1", ["203.0.113.7"], ["for=203.0.113.7"], "203.0.113.7"),
        # nobody whom we trust says it
        ("192.0.2.1", ["203.0.113.7"], ["for=203.0.113.7"], "192.0.2.1"),
        ("", ["203.0.113.7"], [], ""),
        ("127.0.0.1", [], [], "127.0.0.1"),
        # a client wrote one of the two, or a proxy knows no address
        ("127.0.0.1", ["203.0.113.7"], ["for=6.6.6.6"], "127.0.0.1"),
        ("127.0.0.1", ["6.6.6.6, unknown"], [], "127.0.0.1"),
        ("127.0.0.1", [], ["for=6.6.6.6, for=_hidden"], "127.0.0.1"),
        ("127.0.0.1", [], ["for=6.6.6.6, proto=https"], "127.0.0.1"),
        ("127.0.0.1", [], ["for=6.6.6.6;for=7.7.7.7"], "127.0.0.1"),
        # a client's open quotation mark must not swallow what the proxy adds, and make its own text the last
        ("127.0.0.1", [], ['for=6.6.6.6, for="5.5.5.5, for=203.0.113.7'], "203.0.113.7"),
        ("127.0.0.1", [], ['for=6.6.6.6;x=", for="[2001:db8::7]"'], "127.0.0.1"),
        ("127.0.0.1", ["", ","], [""], "127.0.0.1"),
    ],
)
def test_the_client_is_the_last_address_that_is_no_proxy(
    peer: str, forwarded_for: list[str], forwarded: list[str], client: str
) -> None:
    assert PROXIES.client(peer, forwarded_for, forwarded) == client


def test_without_the_setting_the_headers_count_for_nothing() -> None:
    assert TrustedProxies().client("127.0.0.1", ["203.0.113.7"], ["for=203.0.113.7"]) == "127.0.0.1"


@given(st.lists(st.text(st.characters(codec="latin-1"), max_size=60), max_size=3))
def test_whatever_a_client_writes_what_the_proxy_adds_counts(written: list[str]) -> None:
    assert PROXIES.client("127.0.0.1", [*written, "203.0.113.7"], []) == "203.0.113.7"
    assert PROXIES.client("127.0.0.1", [], [*written, "for=203.0.113.7"]) in {"203.0.113.7", "127.0.0.1"}


@pytest.mark.parametrize("text", ["proxy.lan", "10.0.0.0/33", "0.0.0.0/0", "::/0", "127.0.0.1;10.0.0.1"])
def test_what_is_no_address_of_a_proxy_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="address"):
        TrustedProxies.parse(text)


def test_one_client_has_its_share() -> None:
    shares = ClientShares(2)
    with shares.one("a") as first, shares.one("a") as second, shares.one("a") as third, shares.one("b") as other:
        assert (first, second, third, other) == (True, True, False, True)
    with shares.one("a") as again:
        assert again
    assert not shares._taken
