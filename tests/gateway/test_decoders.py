"""What holds for every decoder, and the line that says where bytes came from."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.errors import Malformed
from city.names import made_id
from city.reading import Reading
from gateway.decoders import DECODERS, Context, DecodeError, Origin
from gateway.decoders.decoder import Decoded, Rest
from gateway.naming import Decoding
from support import cases

NOW = 1_764_900_000 * 10**9


@pytest.mark.parametrize(
    ("reading", "reason"),
    [
        (Reading("A", "rain", NOW, {"rain_rate": 1.0}), "bad_device"),
        (Reading("a", "toaster", NOW, {"rain_rate": 1.0}), "unknown_kind"),
        (Reading("a", "rain", 2**70, {"rain_rate": 1.0}), "bad_time"),
        (Reading("a", "rain", NOW, {}), "no_values"),
        (Reading("a", "rain", NOW, {"rx": 1.0}), "bad_quantity"),
        (Reading("a", "rain", NOW, {"rain_rate": float("nan")}), "not_finite"),
        (Reading("a", "rain", NOW, {"rain_rate": 1.0}, 1.0), "bad_position"),
        (Reading("a", "rain", NOW, {"rain_rate": 1.0}, 0.0, 0.0), "bad_position"),
        (Reading("a", "rain", NOW // 1000, {"rain_rate": 1.0}), "bad_time"),
        (Reading("a", "rain", NOW, {"rain_rate": 1.0}, flags={"rain_rate": 7}), "wrong_type"),
        (Reading("a", "rain", NOW, {"rain_rate": 1.0}, flags={"level": 4}), "wrong_type"),
    ],
)
def test_what_a_faulty_decoder_makes_never_reaches_a_pack(
    monkeypatch: pytest.MonkeyPatch, reading: Reading, reason: str
) -> None:
    good = Reading("a", "rain", NOW, {"rain_rate": 1.0}, 14.9, 102.1, {"rain_rate": 3})
    monkeypatch.setattr("gateway.naming.decoding.DECODERS", {"native": lambda *_: Decoded([good], Rest())})
    assert Decoding().decode(Origin("http", "native", {}), b"", NOW) == ([good], [])
    monkeypatch.setattr("gateway.naming.decoding.DECODERS", {"native": lambda *_: Decoded([good, reading], Rest())})
    readings, undecoded = Decoding().decode(Origin("http", "native", {}), b"x", NOW)
    assert (readings, undecoded[0].payload, undecoded[0].reason) == ([good], b"x", reason)


@pytest.mark.parametrize("name", DECODERS)
def test_every_decoder_refuses_in_one_way(name: str) -> None:
    decode, refusals = DECODERS[name], 0
    for case in (cases.load(folder) for folder in cases.folders() if folder.parent.name == name):
        for payload in (case.payload, case.payload[:-1], b"", b"{", b"\xff" * 9):
            for device, kind in ((None, None), ("no id", None), ("d", "toaster")):
                context = replace(case.context(), device=device, kind=kind)
                try:
                    decoded = decode(payload, context)
                except Malformed as error:
                    assert type(error) is DecodeError
                    refusals += 1
                else:
                    assert decoded.readings or not decoded.rest.refused
    assert refusals


def test_two_names_in_thai_never_become_one_device() -> None:
    assert made_id("ถัง 1") == "1-x7be78dbaae64"
    names = ["ถัง 1", "บึง 1", "ถัง1", "บึง1", "ถัง", "บึง", "1", "tank-1"]
    assert len({made_id(name) for name in names}) == len(names)


@given(
    origin=st.builds(
        Origin,
        st.sampled_from(["http", "mqtt"]),
        st.sampled_from(sorted(DECODERS)),
        st.dictionaries(st.text(min_size=1), st.text(), max_size=4),
    )
)
def test_an_origin_survives_being_written(origin: Origin) -> None:
    assert Origin.parse(str(origin)) == origin


@pytest.mark.parametrize(
    "origin", ["", "native", "http:", ":native", "http:?a=b", "http:native?a", "http:native?a=%ff"]
)
def test_what_is_no_origin_is_refused(origin: str) -> None:
    with pytest.raises(Malformed) as raised:
        Decoding().decode_again(origin, b"", 0)
    assert raised.value.reason == "no_codec"


def test_a_decoder_that_is_gone_is_named() -> None:
    with pytest.raises(Malformed, match="'morse'"):
        Decoding().decode_again("http:morse", b"", 0)


def test_what_was_not_understood_is_understood_after_a_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    payload = b'{"values": {"rain_rate": 1}}'

    def faulty(_: bytes, __: Context) -> Decoded:
        raise ZeroDivisionError("oops")

    with monkeypatch.context() as patched:
        patched.setattr("gateway.naming.decoding.DECODERS", {"native": faulty})
        readings, undecoded = Decoding().decode(Origin("http", "native", {"device": "d", "kind": "rain"}), payload, NOW)
    assert readings == []
    (kept,) = undecoded
    assert (kept.payload, kept.received_at_ns, kept.reason) == (payload, NOW, "undecoded")
    assert "ZeroDivisionError: oops" in kept.detail
    assert Decoding().decode_again(kept.origin, kept.payload, kept.received_at_ns) == (
        [Reading("d", "rain", NOW, {"rain_rate": 1.0})],
        [],
    )
