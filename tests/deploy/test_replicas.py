"""Three workers and an API as docker-compose.yml starts them: one environment for all, secrets in files, TLS, keys."""

import http.client
import json
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from api.keys import new_key
from support.influx import Influx
from support.korat import room
from support.own_city import City
from support.ports import free_port

ROUNDS = 3


def until(true: Callable[[], bool], within_s: float = 20.0) -> None:
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)


def test_replicas_share_the_work_and_one_is_replaced(
    city: City, influx: Influx, influx_database: str, postgres_database: str, tmp_path: Path
) -> None:
    key, line = new_key("test")
    (tmp_path / "api_keys").write_text(line)
    (tmp_path / "password").write_text("any will do here\n")
    edge, door = free_port(), free_port()
    core = {
        "KORAT_STORE_URL": influx.store_url(influx_database) + f"?token_file={tmp_path}/password",
        "KORAT_LEDGER_URL": f"{postgres_database}?password_file={tmp_path}/password",
        "KORAT_MQTT_URL": city.url("ingest"),
        "KORAT_INGEST_WORKER": "auto",
        "KORAT_INGEST_WORKERS": "3",
        "KORAT_INGEST_GROUP": "replicas",
        "KORAT_API_HOST": "0.0.0.0",  # noqa: S104 - as in its container; it asks for a key
        "KORAT_API_PORT": str(door),
        "KORAT_API_KEYS_FILE": str(tmp_path / "api_keys"),
    }
    outside = {
        "KORAT_MQTT_URL": city.url("gw-2"),
        "KORAT_GATEWAY_ID": "gw-2",
        "KORAT_GATEWAY_HTTP_PORT": str(edge),
        "KORAT_GATEWAY_SELF_METRICS_INTERVAL_S": "0",
        "KORAT_GATEWAY_RESEND_S": "1",
        "KORAT_GATEWAY_PACK_READINGS": "10",
    }
    shared = tmp_path / "core"
    workers = [room("ingest", shared, core, name=f"ingest-{letter}") for letter in "abc"]
    with ExitStack() as running:
        for process in workers:
            running.enter_context(process)
        for process in workers:
            until(lambda process=process: "mqtt connected" in process.log_tail())
        running.enter_context(room("api", tmp_path / "api", core, ready_port=door))
        running.enter_context(room("gateway", tmp_path / "edge", outside, ready_port=edge))
        assert sorted(_number(process.log.read_text()) for process in workers) == ["1", "2", "3"]
        sent = 0
        for number in range(ROUNDS):
            sent += _post(edge, f"w-{number}")
            if number == 1:
                victim = next(process for process in workers if _number(process.log.read_text()) == "2")
                victim.kill()
                victim.log.unlink()
                victim.start()
        until(lambda: _ledger(door, key)["stored"] >= sent)
        ledger = _ledger(door, key)
        assert (ledger["stored"], ledger["gaps"]) == (sent, 0)
        assert ledger["balanced"] is True
        until(lambda: _number(victim.log.read_text()) == "2")
        assert _get(door, "/v1/ledger", "")[0] == http.client.UNAUTHORIZED
        assert _get(door, "/health/ready", "")[0] == http.client.OK


def _number(log: str) -> str:
    return log.partition("this worker has a number worker=")[2][:1]


def _post(port: int, device: str) -> int:
    now_ms = time.time_ns() // 10**6
    readings = [
        {"device": device, "kind": "weather", "ts": now_ms - n, "values": {"temperature": 20.0}} for n in range(100)
    ]
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as link:
        link.request("POST", "/ingest/native", json.dumps(readings))
        assert link.getresponse().status == http.client.ACCEPTED
    return len(readings)


def _get(port: int, path: str, key: str) -> tuple[int, Any]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as link:
        link.request("GET", path, headers={"Authorization": f"Bearer {key}"} if key else {})
        answer = link.getresponse()
        return answer.status, json.loads(answer.read())


def _ledger(port: int, key: str) -> Any:
    status, body = _get(port, "/v1/ledger", key)
    assert status == http.client.OK, body
    return body
