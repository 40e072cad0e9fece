"""A database of the embedded broker that mosquitto can't read."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from city.errors import Unavailable
from korat.broker import _CONFIGURATION, Broker
from support.ports import free_port
from support.process import find_or_skip

OLD_LINE = "1: Error: an unrelated line of yesterday"


def moved_aside(folder: Path) -> list[Path]:
    return sorted(folder.glob("mosquitto.db.damaged-*"))


@pytest.mark.parametrize("damage", [b"garbage", b"\x00\xb5\x00mosquitto db"])
async def test_a_damaged_database_is_moved_aside_and_named(tmp_path: Path, damage: bytes) -> None:
    find_or_skip("mosquitto", "mosquitto")
    (tmp_path / "mosquitto.db").write_bytes(damage)
    (tmp_path / "mosquitto.log").write_text(f"{OLD_LINE}\n")
    with capture_logs() as logs:
        async with Broker(free_port(), tmp_path) as broker:
            assert broker.process is not None
            assert broker.process.returncode is None
    aside = moved_aside(tmp_path)
    warnings = [line for line in logs if line["log_level"] == "warning"]
    assert [file.read_bytes() for file in aside] == [damage]
    assert [line["moved_to"] for line in warnings] == [str(aside[0])]
    assert "database" in warnings[0]["error"]
    assert OLD_LINE not in warnings[0]["error"]


async def test_another_trouble_leaves_the_database_and_says_its_own_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_or_skip("mosquitto", "mosquitto")
    (tmp_path / "mosquitto.log").write_text(f"{OLD_LINE}\n")
    async with Broker(free_port(), tmp_path):
        pass
    kept = (tmp_path / "mosquitto.db").read_bytes()
    monkeypatch.setattr("korat.broker._CONFIGURATION", f"{_CONFIGURATION}nonsense true\n")
    with pytest.raises(Unavailable, match="nonsense") as raised:
        await Broker(free_port(), tmp_path).start()
    assert OLD_LINE not in str(raised.value)
    assert (tmp_path / "mosquitto.db").read_bytes() == kept
