"""Provisioning files name what the printed boards and each other name."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards.grafana.names import DATASOURCE_UID, folder_of
from dashboards.messages import FOLDER
from dashboards.printing import RULES
from dashboards.spec import LANGUAGES

_FOLDER = Path(__file__).resolve().parents[2] / "dashboards" / "provisioning"


def _read(name: str) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((_FOLDER / name).read_text("utf-8"))
    assert read["apiVersion"] == 1
    return read


def test_the_data_source_is_the_one_that_boards_ask_and_holds_no_secret() -> None:
    (source,) = _read("datasources/influxdb.yaml")["datasources"]
    assert source["uid"] == DATASOURCE_UID
    assert source["jsonData"]["httpMode"] == "POST"
    assert source["secureJsonData"] == {"httpHeaderValue1": "Token ${INFLUX_READ_TOKEN}"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_a_folder(language: str) -> None:
    providers = {one["folderUid"]: one for one in _read("dashboards/boards.yaml")["providers"]}
    provider = providers[folder_of(language)]
    assert provider["folder"] == FOLDER.of(language)
    assert provider["options"]["path"].endswith(f"/{language}")
    assert not provider["allowUiUpdates"]


def test_alerts_reach_a_contact_point(files: dict[Path, str]) -> None:
    points = {point["name"] for point in _read("alerting/contact-points.yaml")["contactPoints"]}
    (policy,) = _read("alerting/policies.yaml")["policies"]
    named = {policy["receiver"], *(route["receiver"] for route in policy["routes"])}
    assert named <= points
    (group,) = yaml.safe_load(files[RULES])["groups"]
    severities = {rule["labels"]["severity"] for rule in group["rules"]}
    routed = {matcher[2] for route in policy["routes"] for matcher in route["object_matchers"]}
    assert routed <= severities
    assert group["folder"] not in {one["folder"] for one in _read("dashboards/boards.yaml")["providers"]}


def test_every_variable_of_the_environment_is_explained() -> None:
    for file in _FOLDER.rglob("*.yaml"):
        if file.name == RULES.name:
            continue
        lines = file.read_text("utf-8").splitlines()
        told = " ".join(line for line in lines if line.startswith("#"))
        used = re.findall(r"\$\{(\w+)\}", "\n".join(line for line in lines if not line.startswith("#")))
        assert all(name in told for name in used), file
