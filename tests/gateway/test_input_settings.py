"""The inputs of gateway.toml: all are opened, and what is wrong is refused with a sentence."""

import asyncio
from functools import partial
from pathlib import Path

import pytest
from fake_ingest import GATEWAY, PROVINCE, FakeIngest
from rig import until

from city.backoff import Backoff
from city.errors import Broken, ConfigurationError
from city.mqtt import Address
from gateway.config import find_config, load_config
from gateway.inputs.credentials import HttpAuth
from gateway.inputs.http import HttpTable
from gateway.inputs.input import InputCounters
from gateway.inputs.mqtt import MqttTable
from gateway.inputs.supervisor import keep_running
from gateway.run import run
from gateway.settings import GatewaySettings
from support.mosquitto import Mosquitto
from support.ports import accepts, free_port

METER = """
[[input.modbus]]
name = "site"
host = "127.0.0.1"
port = 1
[[input.modbus.device]]
device = "meter-1"
kind = "energy_meter"
registers = [{ quantity = "voltage", address = 0, over = 10 }]
"""

POLL = '[[input.poll]]\nname = "a"\nurl = "http://x"\n'
TOKEN = f'[[input.http.token]]\nname = "t"\nhash = "sha256:{"0" * 64}"\n'


def written(folder: Path, text: str) -> Path:
    file = folder / "gateway.toml"
    file.write_text(text)
    return file


async def test_every_input_is_opened_and_ends_with_the_gateway(
    broker: Mosquitto, ingest: FakeIngest, tmp_path: Path
) -> None:
    port, off, http = free_port(), free_port(), free_port()
    written(
        tmp_path,
        f"""
        [[input.tcp]]
        protocol = "teltonika"
        port = {port}
        [[input.tcp]]
        protocol = "teltonika"
        name = "off"
        port = 0
        [[input.udp]]
        protocol = "teltonika"
        port = {port}
        [[input.poll]]
        name = "api"
        url = "http://127.0.0.1:{off}/"
        parameters = {{ mapping = "works" }}
        [[input.folder]]
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
    await until(lambda: accepts(port) and (tmp_path / "drop" / "failed").exists())
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
        ("[[input.tpc]]\n", "input has no key 'tpc', did you mean tcp?"),
        (
            '[[input.tcp]]\nprotocol = "morse"\n',
            r"input.tcp\[1\].protocol: there is no protocol 'morse', only teltonika",
        ),
        ('[[input.tcp]]\nprotocol = "teltonika"\nprot = 1\n', r"input.tcp\[1\] has no key 'prot', did you mean port"),
        ('[[input.tcp]]\nprotocol = "teltonika"\nport = 70000\n', r"input.tcp\[1\].port"),
        ('[[input.tcp]]\nprotocol = "teltonika"\n' * 2, "two inputs are called 'teltonika-tcp'"),
        (METER.replace("over", "ovre"), r"input.modbus\[1\].device\[1\].registers\[1\] has no key 'ovre', did you"),
        (
            METER.replace("energy_meter", "meter"),
            r"input.modbus\[1\].device\[1\].kind: the catalog has no kind 'meter'",
        ),
        (METER.replace('"voltage"', '"Volt"'), r"registers\[1\].quantity: 'Volt' can't name a quantity"),
        (METER + METER, "two inputs are called 'site'"),
        ('[[input.poll]]\nname = "a"\nurl = "x"\n', r"input.poll\[1\].url: it must begin with http"),
        ('[[input.poll]]\nname = "A"\nurl = "http://x"\n', r"input.poll\[1\].name: 'A' is not a well-formed id"),
        (
            '[[input.poll]]\nname = "a"\nurl = "http://x"\ndecoder = "morse"\n',
            r"input.poll\[1\].decoder: there is no decoder 'morse'",
        ),
        ('[[input.folder]]\nname = "a"\n', r"input.folder\[1\].path: Field required"),
        ('[[input.folder]]\nname = "a"\npath = "x"\nencoding = "utf-16"\n', r"input.folder\[1\].encoding"),
        ('[[input.http]]\n[[input.http.token]]\nname = "a"\nhash = "secret"\n', r"input.http\[1\].token\[1\].hash"),
        ("input = 1\n", "input: it must be"),
        ("[input\n", "is no TOML"),
        ("[input.http]\nport = 1\n", r"input: write \[\[input.http\]\], in double brackets"),
        ("[[link.tcp]]\n", r"gateway.toml: \[\[link.\*\]\] is called \[\[input.\*\]\] now"),
        ('[[input.mqtt]]\nurl = "http://x"\n', r"input.mqtt\[1\].url: a broker's address begins with mqtt"),
        ('[[input.mqtt]]\ntopics = ["a -> native"]\n', r"input.mqtt\[1\].topics\[1\]: it must be"),
        ("[[input.mqtt]]\n" * 2, "two inputs are called 'mqtt'"),
        ('[[input.http]]\nport = "8080"\n', r"input.http\[1\].port: it must be a valid integer"),
        ("[[input.http]]\nwaiting = 1\n", r"input.http\[1\] has no key 'waiting'"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        load_config(written(tmp_path, text))


def test_the_password_of_a_broker_is_not_printed(tmp_path: Path) -> None:
    for url in ("u:s3cr3t@h", "mqtt://u:s3cr3t@h:99999", "mqtt://u:s3cr3t@h?x=1"):
        with pytest.raises(ConfigurationError, match=r"input.mqtt\[1\].url: ") as raised:
            load_config(written(tmp_path, f'[[input.mqtt]]\nurl = "{url}"\n'))
        assert "s3cr3t" not in str(raised.value)


def test_a_file_that_nobody_asked_for_may_be_absent(tmp_path: Path) -> None:
    assert find_config(GatewaySettings(), tmp_path).inputs == []
    with pytest.raises(ConfigurationError, match="can't be read"):
        find_config(GatewaySettings(config_file=Path("gateway.toml")), tmp_path)


def test_the_settings_say_what_an_http_input_leaves_open(tmp_path: Path) -> None:
    settings = GatewaySettings(http_host="10.0.0.7", http_port=1, http_max_concurrent=3)

    def inputs() -> list[tuple[str, str, int, int]]:
        tables = find_config(settings, tmp_path).complete(settings, tmp_path)
        return [
            (each.name, each.host, each.port, each.max_concurrent) for each in tables if isinstance(each, HttpTable)
        ]

    assert inputs() == [("http", "10.0.0.7", 1, 3)]
    written(tmp_path, '[[input.http]]\nport = 2\n[[input.http]]\nname = "b"\nhost = "127.0.0.1"\n')
    assert inputs() == [("http", "10.0.0.7", 2, 3), ("b", "127.0.0.1", 1, 3)]


def test_topics_are_taken_back_from_the_citys_broker_when_their_input_is_gone(tmp_path: Path) -> None:
    settings = GatewaySettings()
    assert not [each for each in find_config(settings, tmp_path).complete(settings, tmp_path) if each.name == "mqtt"]
    (tmp_path / "gateway.spool.topics").write_text("a/#\n")
    assert MqttTable() in find_config(settings, tmp_path).complete(settings, tmp_path)


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
    hook = '[[input.http.hook]]\nname = "h"\ndecoder = "native"\nsecret = "a-secret-of-many-letters"\n'
    for text, host, open_ in (
        ("", "127.0.0.1", True),
        ("", "localhost", True),
        ("", "::1", True),
        (hook, "127.0.0.1", True),
        (hook, "10.0.0.7", False),
        (TOKEN, "10.0.0.7", False),
        (TOKEN, "127.0.0.1", False),
    ):
        (table,) = load_config(written(tmp_path, f'[[input.http]]\nhost = "{host}"\n{text}')).inputs
        assert isinstance(table, HttpTable)
        got = HttpAuth.from_tables(table.host, table.token, table.hook, tmp_path)
        assert (got.is_open, set(got.hooks)) == (open_, {"h"} if text == hook else set())


async def test_a_taken_port_and_a_folder_that_cannot_be_are_refused(broker: Mosquitto, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for text, sentence in (
        (f'[[input.tcp]]\nprotocol = "teltonika"\nport = {broker.port}\n', "can't listen on TCP 127"),
        ('[[input.folder]]\nname = "a"\npath = "file/x"\ndecoder = "native"\n', "input.folder 'a'"),
        ('[[input.folder]]\nname = "a"\npath = "x"\n', "'a': the decoder mapped needs a mapping"),
        (
            (
                '[[input.poll]]\nname = "a"\nurl = "http://x"\nparameters = { mapping = "well" }\n'
                '[mappings.wells.values]\nlevel = "l"\n'
            ),
            r"'a': there is no \[mappings.well\], only wells",
        ),
        (
            f'[[input.http]]\n[[input.http.token]]\nname = "a"\nhash = "sha256:{"a" * 64}"\ndecoders = ["senmal"]\n',
            r"token\[1\].decoders\[1\]: .*'senmal'",
        ),
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


async def test_an_input_that_breaks_is_started_again_and_a_damaged_spool_ends_it() -> None:
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


async def test_an_input_that_breaks_after_a_good_run_is_started_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
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

    monkeypatch.setattr("gateway.inputs.supervisor._GOOD_S", 2.0)
    monkeypatch.setattr("gateway.inputs.supervisor.Backoff", partial(Counted, chance=lambda: 1.0))
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
    assert capsys.readouterr().out.count("input trouble") == 4
