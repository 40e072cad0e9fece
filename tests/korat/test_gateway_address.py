"""The address of the gateway's HTTP input is that on which it listens, whoever asks."""

from pathlib import Path

import pytest

from korat.services import gateway_http
from korat.settings import PlatformSettings


@pytest.mark.parametrize(
    ("file", "address"),
    [
        (None, ("127.0.0.1", 8081)),
        ('[[input.http]]\nport = 8082\n[[input.http]]\nname = "b"\n', ("127.0.0.1", 8082)),
        ('[[input.http]]\nhost = "::1"\n', ("::1", 8081)),
    ],
)
def test_the_file_of_the_gateway_comes_before_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str | None, address: tuple[str, int]
) -> None:
    monkeypatch.setenv("KORAT_DATA", str(tmp_path))
    monkeypatch.setenv("KORAT_GATEWAY_HTTP_PORT", "8081")
    if file is not None:
        (tmp_path / "gateway.toml").write_text(file)
    assert gateway_http(PlatformSettings.load()) == address
