"""Settings die at start with a sentence that names the key."""

from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import Field

from city.errors import ConfigurationError
from city.settings import Settings, load, refuse_unknown


class Pump(Settings):
    section: ClassVar[str] = "pump"

    port: int = Field(80, ge=1, le=65535)
    name: str = "p"


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "korat.toml"
    file.write_text('[pump]\nport = 81\nname = "file"\n')
    assert load(Pump, {"KORAT_PUMP_PORT": "82"}, file) == Pump(port=82, name="file")


@pytest.mark.parametrize(
    ("text", "environment", "sentence"),
    [
        ("", {"KORAT_PUMP_PORT": "high"}, r"KORAT_PUMP_PORT \(pump\.port\).*'high'"),
        ("[pump]\nport = 0\n", {}, r"KORAT_PUMP_PORT \(pump\.port\).*got 0"),
        ("[pump]\nprot = 1\n", {}, r"\[pump\] has no key 'prot'"),
        ("pump = 3\n", {}, "pump must be a table"),
        ("[pump\n", {}, "korat.toml"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, environment: dict[str, str], sentence: str) -> None:
    file = tmp_path / "korat.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=sentence):
        load(Pump, environment, file)


def test_unknown_variables_and_tables_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "korat.toml"
    file.write_text("[pmup]\nport = 1\n")
    with pytest.raises(ConfigurationError, match=r"no table \[pmup\]"):
        refuse_unknown([Pump], {}, file)
    with pytest.raises(ConfigurationError, match="KORAT_PMUP_PORT"):
        refuse_unknown([Pump], {"KORAT_PMUP_PORT": "1", "PATH": ""}, None)
    with pytest.raises(ConfigurationError, match="No such file"):
        refuse_unknown([Pump], {}, tmp_path / "absent.toml")
