"""A tracker's connection without a socket: what is said, when, and what is acknowledged."""

import json
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.errors import Reason
from gateway.decoders.teltonika import frame
from gateway.decoders.teltonika.session import TcpSession, datagram
from gateway.decoders.tracker import Bad, Event, Login, Records
from support import teltonika as tracker

IMEI: Final = "356000000000017"
TOLD: Final = {"imei": IMEI}
ONE: Final = tracker.tcp(tracker.body(tracker.CODEC_8, [tracker.Told(1_764_900_000_000, io={239: (1, 1)})]))
TWO: Final = tracker.tcp(tracker.body(tracker.CODEC_8E, [tracker.Told(n, io={66: (2, 12_000)}) for n in (1, 2)]))
COMMAND: Final = tracker.tcp(b"\x0c\x01\x06\x00\x00\x00\x02OK\x01")


def logged_in() -> TcpSession:
    session = TcpSession()
    assert session.feed(tracker.login(IMEI)) == [Login(IMEI, b"\x01")]
    return session


def test_every_frame_is_acknowledged_with_its_number_of_records() -> None:
    session = logged_in()
    assert session.feed(ONE + TWO) == [
        Records(ONE, TOLD, bytes([0, 0, 0, 1])),
        Records(TWO, TOLD, bytes([0, 0, 0, 2])),
    ]
    assert session.held == 0


def test_the_answer_to_a_command_is_not_acknowledged() -> None:
    assert logged_in().feed(COMMAND) == [Records(COMMAND, TOLD, b"")]


@given(st.lists(st.integers(1, 40), min_size=1))
def test_the_pieces_that_bytes_come_in_do_not_matter(sizes: list[int]) -> None:
    stream = b"\xff" + tracker.login(IMEI) + b"\xff\xff" + ONE + TWO + b"\xff" + COMMAND + ONE
    whole = TcpSession().feed(stream)
    assert len(whole) == 5
    session, events = TcpSession(), list[Event]()
    number = 0
    while stream:
        size = sizes[number % len(sizes)]
        events += session.feed(stream[:size])
        stream, number = stream[size:], number + 1
    assert events == whole
    assert session.held == 0


@pytest.mark.parametrize(
    "login", [tracker.login(IMEI[:-1]), tracker.login(IMEI[:-1] + "x"), b"GET / HTTP/1.1\r\n\r\n", bytes(20)]
)
def test_who_does_not_say_an_imei_is_refused(login: bytes) -> None:
    (event,) = TcpSession().feed(login)
    assert isinstance(event, Bad)
    assert (event.reason, event.answer) == (Reason.BAD_DEVICE, b"\x00")


def test_a_frame_damaged_on_its_way_is_kept_and_asked_for_again() -> None:
    damaged = ONE[:20] + bytes([ONE[20] ^ 1]) + ONE[21:]
    kept, bad = logged_in().feed(ONE + damaged + TWO)
    assert isinstance(kept, Records)
    assert isinstance(bad, Bad)
    assert (bad.payload, bad.answer, bad.parameters) == (damaged, bytes(4), TOLD)


def test_what_can_not_be_a_frame_ends_the_connection_at_once() -> None:
    for start, reason in (
        (b"\x01" + bytes(7), Reason.UNDECODED),
        (bytes(4) + b"\xff" * 4, Reason.TOO_LARGE),
        (bytes(4) + frame.MAX_BYTES.to_bytes(4), Reason.TOO_LARGE),
    ):
        (bad,) = logged_in().feed(start)
        assert isinstance(bad, Bad)
        assert (bad.reason, bad.answer, bad.payload) == (reason, b"", start)


def test_a_datagram_is_acknowledged_under_its_ids() -> None:
    payload = tracker.udp(frame.of_tcp(TWO), IMEI, packet=0xABCD, avl_packet=9)
    assert datagram(payload) == [Records(payload, {}, bytes.fromhex("0005abcd010902"))]
    assert datagram(b"\xff") == []
    command = tracker.udp(frame.of_tcp(COMMAND), IMEI)
    assert datagram(command) == [Records(command, {}, b"")]
    (bad,) = datagram(payload[:-1])
    assert isinstance(bad, Bad)
    assert (bad.reason, bad.answer) == (Reason.UNDECODED, b"")


def test_acknowledgements_are_those_of_the_wiki(shared_data: Path) -> None:
    text = (shared_data / "decoders" / "teltonika_wiki_examples.json").read_text()
    checked = 0
    for vector in json.loads(text)["vectors"]:
        payload = bytes.fromhex(vector["hex"])
        if vector["transport"] == "TCP-handshake":
            assert TcpSession().feed(payload) == [Login(vector["imei"], bytes.fromhex(vector["reply"]))]
        elif vector["transport"] == "UDP":
            (event,) = datagram(payload)
            ids = (vector["udp"]["packet_id"] << 16) + 0x0100 + vector["udp"]["avl_packet_id"]
            assert event.answer == b"\x00\x05" + ids.to_bytes(4) + bytes([len(vector["expected"])])
        else:
            (event,) = logged_in().feed(payload)
            assert event.answer.hex() == vector.get("ack", "00000001")
        checked += 1
    assert checked == 10
