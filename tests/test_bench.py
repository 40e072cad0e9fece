"""The benchmark prints no row of a peer to which less arrived than was sent, or without its tags."""

import importlib
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest

from support.process import find_or_skip

# As much of Telegraf as line protocol needs: a persistent session whose messages go to InfluxDB as they are.
STAND_IN = """
import re, sys, urllib.request
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

text = open(sys.argv[2]).read()
broker, influx = (re.search(pattern, text)[1] for pattern in (r"tcp://127.0.0.1:(\\d+)", r"http://127.0.0.1:(\\d+)"))

def write(client, userdata, message):
    lines = CHANGED(message.payload.decode())
    url = f"http://127.0.0.1:{influx}/write?db=telegraf"
    urllib.request.urlopen(urllib.request.Request(url, lines.encode(), method="POST")).close()

client = paho.Client(CallbackAPIVersion.VERSION2, "telegraf-bench", clean_session=False)
client.on_connect = lambda client, *_: client.subscribe(re.search(r'topics = \\["(.*)"\\]', text)[1], 1)
client.on_message = write
client.connect("127.0.0.1", int(broker))
client.loop_forever()
"""
AS_IT_IS = "lambda lines: lines"
WITHOUT_TAGS = 'lambda lines: re.sub(r",device=[^ ]*", "", lines)'
WITHOUT_A_VALUE = 'lambda lines: re.sub(r",humidity=[^ ]*", "", lines)'


@pytest.fixture
def telegraf(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    find_or_skip("influxd", "influxdb")
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "bench"))
    module = importlib.import_module("telegraf")
    monkeypatch.setattr(module, "WITHIN_S", 3.0)
    return module


def stand_in(folder: Path, changed: str) -> str:
    program = folder / "telegraf-stand-in"
    program.write_text(f"#!{sys.executable}\n{STAND_IN.replace('CHANGED', f'({changed})')}")
    program.chmod(0o755)
    return str(program)


def test_a_peer_that_stores_everything_has_a_row(telegraf: ModuleType, tmp_path: Path) -> None:
    program = stand_in(tmp_path, AS_IT_IS)
    _, wall_s = telegraf.drain_telegraf(tmp_path, program, telegraf.LOADS[-1], 20, telegraf.TUNINGS[0])
    assert wall_s > 0


@pytest.mark.parametrize("changed", [WITHOUT_TAGS, WITHOUT_A_VALUE], ids=["tags", "a value"])
def test_what_arrives_without_its_tags_or_a_value_is_no_row(telegraf: ModuleType, tmp_path: Path, changed: str) -> None:
    program = stand_in(tmp_path, changed)
    with pytest.raises(RuntimeError, match=r"^0 of 2000 readings arrived"):
        telegraf.drain_telegraf(tmp_path, program, telegraf.LOADS[-1], 20, telegraf.TUNINGS[0])


def test_without_the_peer_one_sentence_says_so(
    telegraf: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    telegraf.measure_telegraf(1, [])
    assert capsys.readouterr().out == "telegraf is not on the PATH: no comparison in this run\n"
