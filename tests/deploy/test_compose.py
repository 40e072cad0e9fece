"""docker-compose.yml keeps its rules, and Compose accepts it. Nothing is run: that needs an engine."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from city.mqtt.address import Address
from gateway.config import load_config
from gateway.inputs.http import HttpTable
from gateway.inputs.mqtt import MqttTable
from korat.settings import PlatformSettings

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"
EXAMPLE = ROOT / ".env.example"
ONE_SHOT = {"init"}
PROFILES = ([], ["demo"], ["scale"], ["demo", "scale"])
KNOB = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return loaded


def services() -> list[Any]:
    return [pytest.param(service, id=name) for name, service in compose()["services"].items()]


def filled(text: str) -> str:
    """Put defaults where Compose would."""
    return KNOB.sub(lambda knob: knob[3] if knob[2] == "-" else "1000", text)


@pytest.fixture(scope="module")
def program() -> list[str]:
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    if shutil.which("docker") and subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0:  # noqa: PLW1510
        return ["docker", "compose"]
    pytest.skip("neither docker-compose nor docker compose is installed: this test needs the package docker-compose")


@pytest.mark.parametrize("profiles", PROFILES, ids=lambda names: "+".join(names) or "none")
def test_compose_accepts_it(program: list[str], profiles: list[str], tmp_path: Path) -> None:
    told = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "SECRETS_GID": "1000"}
    options = [part for name in profiles for part in ("--profile", name)]
    done = subprocess.run(
        [*program, "--file", FILE, *options, "config"],
        env=told,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr.lower(), done.stderr
    assert yaml.safe_load(done.stdout)["services"].keys() >= {"mosquitto", "ingest", "api"}


def test_compose_says_what_is_missing(program: list[str], tmp_path: Path) -> None:
    told = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    done = subprocess.run(
        [*program, "--file", FILE, "config"], env=told, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "deploy/make-secrets" in done.stderr


@pytest.mark.parametrize("service", services())
class TestEveryService:
    def test_its_image_is_pinned(self, service: dict[str, Any]) -> None:
        _, _, tag = filled(service["image"]).rpartition(":")
        assert re.match(r"\d+\.\d+", tag), service["image"]

    def test_it_has_few_rights(self, service: dict[str, Any]) -> None:
        user, _, _ = service["user"].partition(":")
        assert int(user) > 0
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert not {"privileged", "cap_add", "network_mode", "pid", "ipc", "devices"} & service.keys()

    def test_it_cannot_take_the_whole_machine(self, service: dict[str, Any]) -> None:
        assert re.fullmatch(r"\d+[mg]", filled(service["mem_limit"]))
        assert service["pids_limit"] > 0
        assert service["logging"]["options"]["max-size"]
        assert all("size=" in one for one in service.get("tmpfs", ()))

    def test_it_ends_only_when_told(self, service: dict[str, Any], request: pytest.FixtureRequest) -> None:
        name = request.node.callspec.id
        if name in ONE_SHOT:
            assert service["restart"] == "no"
            return
        assert service["restart"] == "unless-stopped"
        check = service["healthcheck"]
        assert check["test"][0] in {"CMD", "CMD-SHELL"}
        assert {"interval", "timeout", "retries", "start_period"} <= check.keys()

    def test_its_ports_are_the_loopback_s_by_default(self, service: dict[str, Any]) -> None:
        for port in service.get("ports", ()):
            assert filled(port).startswith("127.0.0.1:"), port

    def test_it_gets_secrets_by_file_alone(self, service: dict[str, Any]) -> None:
        for name, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|TOKEN|SECRET|COOKIE", name):
                assert name.endswith("FILE") or name == "KORAT_INIT_SECRETS", name
            assert not re.search(r"://[^/@]*:[^/@]*@|[?&](token|password)=", filled(str(value))), name
        for path in re.findall(r"/run/secrets/([\w-]+)", str(service)):
            assert path in service["secrets"], path
        assert set(service.get("secrets", ())) <= compose()["secrets"].keys()

    def test_what_it_mounts_is_there(self, service: dict[str, Any]) -> None:
        for mount in service.get("volumes", ()):
            source, target, *mode = filled(mount).split(":")
            if source.startswith("./"):
                assert mode == ["ro"] or target == "/secrets", mount
                assert target == "/secrets" or (ROOT / source).exists(), mount
            else:
                assert source in compose()["volumes"], mount

    def test_replicas_do_not_collide(self, service: dict[str, Any]) -> None:
        assert "container_name" not in service
        assert "hostname" not in service


def test_the_sides_are_apart() -> None:
    file = compose()
    networks = {name: set(service["networks"]) for name, service in file["services"].items()}
    assert file["networks"]["back"]["internal"] is True
    both = {name for name, joined in networks.items() if {"field", "back"} <= joined}
    assert both == {"ingest"}, "one way alone leads from devices to databases"
    for name in ("mosquitto", "gateway", "simulators", "emqx1"):
        assert not networks[name] & {"back", "front"}, name
    for name in ("influxdb", "postgres"):
        assert networks[name] == {"back"}
        assert "ports" not in file["services"][name]
    brokers = [
        name
        for name, one in file["services"].items()
        if "field" in one["networks"] and isinstance(one["networks"], dict)
    ]
    assert sorted(brokers) == ["emqx-door", "mosquitto"]


def test_profiles_add_what_they_say() -> None:
    profiles = {name: service.get("profiles", []) for name, service in compose()["services"].items()}
    assert [name for name, given in profiles.items() if given == ["demo"]] == ["simulators"]
    assert sorted(name for name, given in profiles.items() if given == ["scale"]) == [
        "emqx-door",
        "emqx1",
        "emqx2",
        "emqx3",
    ]


def test_every_knob_is_in_the_example_with_its_default() -> None:
    knobs = {knob[1]: (knob[2], knob[3]) for knob in KNOB.finditer(FILE.read_text())}
    shown = dict(re.findall(r"^#?([A-Z][A-Z0-9_]+)=(.*)$", EXAMPLE.read_text(), re.MULTILINE))
    compose_s_own = {"COMPOSE_PROJECT_NAME", "COMPOSE_PROFILES"}
    assert shown.keys() - compose_s_own == knobs.keys()
    for name, (kind, default) in knobs.items():
        if kind == "?":
            assert shown[name] == "", name
        elif default:
            assert shown[name] == default, name


def rooms() -> list[Any]:
    every = compose()["services"].items()
    return [pytest.param(name, one, id=name) for name, one in every if one["image"].startswith("korat:")]


@pytest.mark.parametrize(("name", "service"), rooms())
def test_every_room_understands_its_settings(
    name: str, service: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in [one for one in os.environ if one.startswith("KORAT_")]:
        monkeypatch.delenv(variable)
    monkeypatch.chdir(tmp_path)
    for variable, value in service["environment"].items():
        monkeypatch.setenv(variable, filled(value))
    settings = PlatformSettings.load()
    assert service["command"].split()[0] in {"gateway", "ingest", "api", "simulate", "init"}
    if "mqtt" in str(service.get("secrets", "")):
        address = settings.mqtt.address()
        assert (address.tls, address.insecure) == (True, False)
        (own,) = [one for one in service["secrets"] if one.startswith("mqtt_") and one != "mqtt_foreign"]
        assert address.password_file == Path("/run/secrets") / own
        assert filled(compose()["secrets"][own]["file"]).endswith(f"/mqtt_{address.user}")
    if name == "ingest":
        assert settings.ingest.worker == "auto", "replicas share one environment"


def test_grafana_is_told_all_that_its_provisioning_asks_for() -> None:
    grafana = compose()["services"]["grafana"]
    told = {*grafana["environment"], *re.findall(r"(\w+)=", str(grafana["entrypoint"]))}
    asked = set()
    for file in (ROOT / "dashboards" / "provisioning").rglob("*.yaml"):
        rows = [row for row in file.read_text().splitlines() if not row.lstrip().startswith("#")]
        asked |= set(re.findall(r"\$\{([A-Z]\w+)\}", "\n".join(rows)))
    assert asked <= told
    boards = yaml.safe_load((ROOT / "dashboards" / "provisioning" / "dashboards" / "boards.yaml").read_text())
    (mounted,) = [one.split(":")[1] for one in grafana["volumes"] if "generated" in one]
    for provider in boards["providers"]:
        folder = Path(provider["options"]["path"])
        assert folder.is_relative_to(mounted)
        assert list((ROOT / "dashboards" / "generated" / "grafana" / folder.relative_to(mounted)).glob("*.json"))


def test_the_gateway_asks_for_tokens() -> None:
    (http,) = load_config(ROOT / "deploy" / "gateway" / "gateway.toml").inputs
    assert isinstance(http, HttpTable)
    (token,) = http.token
    assert token.file == "/run/secrets/gateway_tokens"


def test_the_inputs_that_the_gateway_is_shown_are_right(tmp_path: Path) -> None:
    shown = (ROOT / "deploy" / "gateway" / "gateway.toml").read_text().replace("\n# ", "\n")
    shown = "\n".join(line for line in shown.splitlines() if line.startswith("[") or " = " in line)
    (tmp_path / "gateway.toml").write_text(shown)
    inputs = load_config(tmp_path / "gateway.toml").inputs
    assert {table.name for table in inputs} == {"http", "mqtt", "teltonika-tcp"}
    (mqtt,) = (table for table in inputs if isinstance(table, MqttTable))
    assert Address.parse(mqtt.url).user == "foreign"


def test_the_image_is_built_from_the_lock_and_runs_as_nobody() -> None:
    text = (ROOT / "deploy" / "Dockerfile").read_text()
    _, build, final = re.split(r"^FROM ", text, flags=re.MULTILINE)
    assert "--require-hashes --requirement requirements.lock" in build
    assert "--no-index" in build
    assert all(re.match(r"python:3\.11\.\d+-slim-\w+", one) for one in re.findall(r"^FROM (\S+)", text, re.MULTILINE))
    assert "apt-get" not in text
    assert "USER 10001:10001" in final
    packages = re.search(r"packages = \[([^\]]+)\]", (ROOT / "pyproject.toml").read_text())
    assert packages is not None
    for room in re.findall(r'"(\w+)"', packages[1]):
        assert f"COPY {room} {room}\n" in build
        assert f"!{room}\n" in (ROOT / ".dockerignore").read_text()
