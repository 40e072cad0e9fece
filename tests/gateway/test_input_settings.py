"""The links of gateway.toml: all are opened, and what is wrong is refused with a sentence."""

import asyncio
from functools import partial
from pathlib import Path

import pytest
from fake_ingest import GATEWAY, PROVINCE, FakeIngest
from rig import until

from city.backoff import Backoff
from city.errors import Broken, ConfigurationError
from city.mqtt import Address
from gateway.inputs.configuration import Inputs, find_links, load_links
from gateway.inputs.counters import InputCounters
from gateway.inputs.opening import doors, keep_running
from gateway.run import run
from gateway.settings import GatewaySettings
from support.mosquitto import Mosquitto
from support.ports import accepts, free_port

METER = """
[[link.modbus]]
name = "site"
host = "127.0.0.1"
port = 1
[[link.modbus.device]]
device = "meter-1"
kind = "energy_meter"
registers = [{ quantity = "voltage", address = 0, over = 10 }]
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "gateway.toml"
    file.write_text(text)
    return file


async def test_every_link_is_opened_and_ends_with_the_gateway(
    broker: Mosquitto, ingest: FakeIngest, tmp_path: Path
) -> None:
    port, off, http = free_port(), free_port(), free_port()
    written(
        tmp_path,
        f"""
        [[link.tcp]]
        protocol = "teltonika"
        port = {port}
        [[link.tcp]]
        protocol = "teltonika"
        name = "off"
        port = 0
        [[link.udp]]
        protocol = "teltonika"
        port = {port}
        [[link.poll]]
        name = "api"
        url = "http://127.0.0.1:{off}/"
        parameters = {{ mapping = "works" }}
        [[link.folder]]
        name = "drop"
        path = "drop"
        interval_s = 0.05
        settle_s = 0
        parameters = {{ mapping = "works" }}
        {METER}
        [mappings.works]
        kind = "rain"
        device = "name"
        [mappings.works.values]
        rain_rate = "rain"
        """,
    )
    stop = asyncio.Event()
    running = asyncio.create_task(
        run(
            GatewaySettings(id=GATEWAY, http_port=http, pack_age_ms=10),
            province=PROVINCE,
            address=Address("127.0.0.1", broker.port),
            data=tmp_path,
            stop=stop,
        )
    )
    await until(lambda: accepts(port))
    (tmp_path / "drop" / "a.csv").write_text("name,rain\nr1,2.5\n")
    await until(lambda: [got.values for got in ingest.readings()] == [{"rain_rate": 2.5}])
    assert (tmp_path / "drop" / "done" / "a.csv").exists()
    began = asyncio.get_running_loop().time()
    stop.set()
    await running
    assert asyncio.get_running_loop().time() - began < 2
    assert not accepts(port)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[[link.tpc]]\n", "link has no key 'tpc', did you mean tcp?"),
        ('[[link.tcp]]\nprotocol = "morse"\n', r"link.tcp\[1\].protocol: it must be 'teltonika'"),
        ('[[link.tcp]]\nprotocol = "teltonika"\nprot = 1\n', r"link.tcp\[1\] has no key 'prot', did you mean port"),
        ('[[link.tcp]]\nprotocol = "teltonika"\nport = 70000\n', r"link.tcp\[1\].port"),
        ('[[link.tcp]]\nprotocol = "teltonika"\n' * 2, "two links are called 'teltonika-tcp'"),
        (METER.replace("over", "ovre"), r"link.modbus\[1\].device\[1\].registers\[1\] has no key 'ovre', did you"),
        (METER.replace("energy_meter", "meter"), r"link.modbus\[1\].device\[1\].kind: the catalog has no kind 'meter'"),
        (METER.replace('"voltage"', '"Volt"'), r"registers\[1\].quantity: 'Volt' can't name a quantity"),
        (METER + METER, "two links are called 'site'"),
        ('[[link.poll]]\nname = "a"\nurl = "x"\n', r"link.poll\[1\].url: it must begin with http"),
        ('[[link.poll]]\nname = "A"\nurl = "http://x"\n', r"link.poll\[1\].name: 'A' is not a well-formed id"),
        ('[[link.poll]]\nname = "a"\nurl = "http://x"\ndecoder = "morse"\n', "there is no decoder 'morse'"),
        ('[[link.folder]]\nname = "a"\n', r"link.folder\[1\].path: Field required"),
        ('[[link.folder]]\nname = "a"\npath = "x"\nencoding = "utf-16"\n', r"link.folder\[1\].encoding"),
        ('[[link.token]]\nname = "a"\nhash = "secret"\n', r"link.token\[1\].hash"),
        ("link = 1\n", "link: it must be"),
        ("[link\n", "is no TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        load_links(written(tmp_path, text))


def test_a_file_that_nobody_asked_for_may_be_absent(tmp_path: Path) -> None:
    assert find_links(tmp_path / "gateway.toml", asked_for=False) == Inputs()
    with pytest.raises(ConfigurationError, match="can't be read"):
        find_links(tmp_path / "gateway.toml", asked_for=True)


async def test_another_address_than_loopback_needs_a_credential(broker: Mosquitto, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"on 0\.0\.0\.0 anybody could send readings; add a"):
        await run(
            GatewaySettings(id=GATEWAY, http_host="0.0.0.0", http_port=0),  # noqa: S104  it is refused
            province=PROVINCE,
            address=Address("127.0.0.1", broker.port),
            data=tmp_path,
            stop=asyncio.Event(),
        )


def test_who_may_push(tmp_path: Path) -> None:
    hook = '[[link.hook]]\nname = "h"\ndecoder = "native"\nsecret = "a-secret-of-many-letters"\n'
    token = f'[[link.token]]\nname = "t"\nhash = "sha256:{"0" * 64}"\n'
    for text, host, open_ in (
        ("", "127.0.0.1", True),
        ("", "localhost", True),
        ("", "::1", True),
        (hook, "127.0.0.1", True),
        (hook, "10.0.0.7", False),
        (token, "10.0.0.7", False),
        (token, "127.0.0.1", False),
    ):
        got = doors(load_links(written(tmp_path, text)), host, tmp_path)
        assert (got.open, set(got.hooks)) == (open_, {"h"} if text == hook else set())


async def test_a_taken_port_and_a_folder_that_cannot_be_are_refused(broker: Mosquitto, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for text, sentence in (
        (f'[[link.tcp]]\nprotocol = "teltonika"\nport = {broker.port}\n', "can't listen on TCP 127"),
        ('[[link.folder]]\nname = "a"\npath = "file/x"\ndecoder = "native"\n', "link.folder 'a'"),
        ('[[link.folder]]\nname = "a"\npath = "x"\n', "'a': the decoder mapped needs a mapping"),
        (
            (
                '[[link.poll]]\nname = "a"\nurl = "http://x"\nparameters = { mapping = "well" }\n'
                '[mappings.wells.values]\nlevel = "l"\n'
            ),
            r"'a': there is no \[mappings.well\], only wells",
        ),
        (f'[[link.token]]\nname = "a"\nhash = "sha256:{"a" * 64}"\ndecoders = ["senmal"]\n', "'a': .*'senmal'"),
    ):
        written(tmp_path, text)
        with pytest.raises(ConfigurationError, match=sentence):
            await run(
                GatewaySettings(id=GATEWAY, http_port=free_port()),
                province=PROVINCE,
                address=Address("127.0.0.1", broker.port),
                data=tmp_path,
                stop=asyncio.Event(),
            )


async def test_a_link_that_breaks_is_started_again_and_a_damaged_spool_ends_it() -> None:
    counters, runs = InputCounters("poll"), 0

    async def run() -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            raise ValueError("a bug")
        raise Broken("the spool is damaged")

    with pytest.raises(Broken):
        await keep_running(run, counters)
    assert (runs, counters.failed) == (2, {"crashed": 1})


async def test_a_link_that_breaks_after_a_good_run_is_started_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    lasting_s = iter([0.0, 0.0, 0.0, 2.2, 0.0])

    class Counted(Backoff):
        def next(self) -> float:
            pauses.append(super().next())
            return 0.0

    async def run() -> None:
        seconds = next(lasting_s, None)
        if seconds is None:
            raise Broken("the spool is damaged")
        await asyncio.sleep(seconds)
        raise ValueError("a bug")

    monkeypatch.setattr("gateway.inputs.opening._GOOD_S", 2.0)
    monkeypatch.setattr("gateway.inputs.opening.Backoff", partial(Counted, chance=lambda: 1.0))
    with pytest.raises(Broken):
        await keep_running(run, InputCounters("poll"))
    assert pauses == [1.0, 2.0, 4.0, 1.0, 2.0]


def test_trouble_is_logged_once_a_minute_and_class(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    counters = InputCounters("poll", lambda: now[0])
    for second in range(180):
        now[0] = float(second)
        counters.fail("refused", device="meter-1")
    counters.fail("no_answer")
    assert (counters.failed, counters.failed_of) == ({"refused": 180, "no_answer": 1}, {"meter-1": 180})
    assert capsys.readouterr().out.count("link trouble") == 4
