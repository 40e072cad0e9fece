"""A command loads what it needs and no more: a gateway runs on small machines."""

import subprocess
import sys

import pytest

HEAVY = {"aiohttp", "duckdb", "fastapi", "numpy", "pyarrow", "pydantic", "sqlalchemy", "uvicorn", "zmq"}


@pytest.mark.parametrize(
    ("code", "needed"),
    [
        ("import korat.cli", set()),
        ("import korat.settings", {"pydantic", "numpy"}),
        (
            "from korat import settings, services; services.gateway_service(settings.PlatformSettings.load())",
            {"aiohttp", "numpy", "pydantic"},
        ),
        ("from korat import standalone; import simulators.publish", {"numpy", "pydantic"}),
    ],
)
def test_imports(code: str, needed: set[str]) -> None:
    script = f"{code}\nimport sys\nprint(*({HEAVY!r} & sys.modules.keys()))"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env={}, cwd="/")
    assert set(found.stdout.split()) <= needed
