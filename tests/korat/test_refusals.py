"""What can't be right is refused with one sentence, exit code 1, and nothing touched."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from own_platform import KORAT, Platform, run_korat

from korat.cli import main

SECRET = "s3cr3t"  # noqa: S105 - it must never be seen again


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1, done
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith("korat: ")
    return sentence


@dataclass
class Here:
    """The command line inside the test's own process, for refusals that come before anything is started."""

    folder: Path
    patch: pytest.MonkeyPatch
    captured: pytest.CaptureFixture[str]

    def refusal(self) -> str:
        self.patch.setattr(sys, "argv", ["korat", "gateway"])
        with pytest.raises(SystemExit) as ended:
            main()
        done = subprocess.CompletedProcess([], int(str(ended.value.code)), *self.captured.readouterr())
        return refusal(done)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Here:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("KORAT_")]:
        monkeypatch.delenv(name)
    return Here(tmp_path, monkeypatch, capsys)


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"KORAT_API_PROT": "1"}, "KORAT_API_PROT is no setting of Korat, did you mean KORAT_API_PORT?"),
        ({"KORAT_API_PORT": "high"}, "KORAT_API_PORT (api.port): it must be a valid integer"),
        ({"KORAT_API_PORT": "70000"}, "KORAT_API_PORT (api.port): it must be less than or equal to 65535; got '70000'"),
        ({"KORAT_PROVINCE": "Korat"}, "KORAT_PROVINCE (province): a province is an ISO 3166-2 code"),
        ({"KORAT_GATEWAY_ID": "GW 1"}, "KORAT_GATEWAY_ID (gateway.id): "),
        (
            {"KORAT_MQTT_URL": f"http://u:{SECRET}@h"},
            "KORAT_MQTT_URL (mqtt.url): a broker's address begins with mqtt://",
        ),
        ({"KORAT_MQTT_URL": f"mqtt://u:{SECRET}@h:99999"}, "KORAT_MQTT_URL (mqtt.url): "),
        (
            {"KORAT_STORE_URL": f"influx:{SECRET}@h"},
            "KORAT_STORE_URL (store_url): a store's address begins with duckdb://",
        ),
        ({"KORAT_LEDGER_URL": f"mysql://u:{SECRET}@h/d"}, "KORAT_LEDGER_URL (ledger_url): a ledger's address begins"),
        ({"KORAT_CONFIG": "absent.toml"}, "the settings file absent.toml can't be read: No such file or directory"),
    ],
)
def test_a_wrong_variable_is_named(here: Here, variables: dict[str, str], sentence: str) -> None:
    for name, value in variables.items():
        here.patch.setenv(name, value)
    said = here.refusal()
    assert sentence in said
    assert SECRET not in said
    assert not list(here.folder.iterdir())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[gatway]\nid = 'x'\n", "korat.toml: there is no table [gatway], did you mean gateway?"),
        ("[gateway]\nhttp_prot = 1\n", "korat.toml: [gateway] has no key 'http_prot', did you mean http_port?"),
        ("provinz = 'th-30'\n", "korat.toml: at its top there is no key 'provinz', did you mean province?"),
        ("[api]\nport = 'high'\n", "KORAT_API_PORT (api.port): it must be a valid integer"),
        ("[api\n", "the settings file korat.toml is no TOML: "),
    ],
)
def test_a_wrong_line_of_the_file_is_named(here: Here, text: str, sentence: str) -> None:
    (here.folder / "korat.toml").write_text(text)
    assert sentence in here.refusal()


def test_a_process_refuses_likewise(tmp_path: Path) -> None:
    (tmp_path / "korat.toml").write_text("[gatway]\n")
    assert "there is no table [gatway]" in refusal(run_korat(("gateway",), tmp_path, {}))


@pytest.mark.parametrize(
    ("name", "commands", "todo"),
    [
        ("gateway.spool", ("up --no-demo", "gateway"), "aside to start a new one"),
        ("ledger.sqlite", ("up --no-demo", "ledger"), "restore it from a backup or move it away"),
        ("readings.duckdb", ("up --no-demo", "api"), ""),
    ],
)
def test_a_broken_file_is_named_and_left_as_it_is(
    platform: Platform, name: str, commands: tuple[str, ...], todo: str
) -> None:
    file = platform.folder / name
    content = b"this was a database once" * 500
    file.write_bytes(content)
    for command in commands:
        done = platform.run(*command.split())
        said = done.stderr.splitlines()[-1]
        assert done.returncode == 1
        assert str(file) in said
        assert todo in said
        assert "Traceback" not in done.stderr
        assert file.read_bytes() == content


@pytest.mark.parametrize("command", ["up", "gateway"])
def test_a_data_folder_that_cannot_be_is_named(tmp_path: Path, command: str) -> None:
    (tmp_path / "file").write_text("in the way")
    said = refusal(run_korat((command,), tmp_path, {"KORAT_DATA": "file/var"}))
    assert f"KORAT_DATA (data): the folder {tmp_path}/file/var can't be made: Not a directory" in said


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to become another user")
@pytest.mark.parametrize("command", ["up", "gateway"])
def test_a_data_folder_of_somebody_else_is_named(tmp_path: Path, command: str) -> None:
    program = Path(KORAT)
    if not all(parent.stat().st_mode & 0o005 == 0o005 for parent in program.resolve().parents):
        pytest.skip("another user can't reach the program")
    done = subprocess.run(
        ["/usr/bin/setpriv", "--reuid=65534", "--clear-groups", program, command],
        env={"KORAT_DATA": "/usr", "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert "the folder /usr can't be written to by this user" in refusal(done)
    assert not list(tmp_path.iterdir())


def test_a_broker_of_its_own_is_needed_for_up(platform: Platform) -> None:
    said = refusal(platform.run("up", KORAT_MQTT_URL=f"mqtt://u:{SECRET}@127.0.0.1"))
    assert "KORAT_MQTT_URL (mqtt.url): `korat up` brings its own broker" in said
    assert SECRET not in said
    assert "KORAT_MQTT_HOST (mqtt.host)" in refusal(platform.run("up", KORAT_MQTT_HOST="broker.example"))


def test_a_province_without_a_simulated_city_is_refused(platform: Platform) -> None:
    done = platform.run("up", KORAT_PROVINCE="th-99")
    assert done.returncode == 1
    assert "th-99" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
