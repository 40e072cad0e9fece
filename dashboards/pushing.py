"""Sending boards to a Grafana that isn't provisioned from files, over its HTTP API."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from city.errors import ConfigurationError
from dashboards.grafana.names import folder_of
from dashboards.messages import FOLDER
from dashboards.printing import GENERATED
from dashboards.spec import LANGUAGES

_TIMEOUT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Login:
    """How to get in: a service account's token, or a user with a password."""

    token: str = field(default="", repr=False)
    user: str = ""
    password: str = field(default="", repr=False)


def push(url: str, login: Login, folder: Path) -> list[str]:
    """Send the printed boards below a folder, each language into a folder of its own; what is there is replaced.

    Args:
        url: `http://host:3000` or with TLS, and with a path where Grafana lies below one.
        login: Who sends them.
        folder: The folder that `print_all` wrote to.

    Returns:
        The uids of the boards that were sent.

    Raises:
        ConfigurationError: The library is missing, the URL is none, nothing was printed, or Grafana refuses.
    """
    boards = list(_boards(folder))
    if not boards:
        raise ConfigurationError(f"there are no printed boards in {folder / GENERATED}: print them first")
    try:
        from grafana_api.grafana_api import GrafanaException  # noqa: PLC0415 - an extra
        from requests import RequestException  # noqa: PLC0415 - comes with it
    except ImportError:
        raise ConfigurationError("pushing boards needs grafana-api: pip install 'korat[grafana]'") from None
    grafana = _open(url, login)
    try:
        for language in LANGUAGES:
            _make_folder(grafana, language)
        for language, board in boards:
            grafana.dashboard.update_dashboard(
                {"dashboard": board, "folderUid": folder_of(language), "overwrite": True, "message": "pushed"}
            )
    except (GrafanaException, RequestException) as error:
        raise ConfigurationError(f"Grafana at {_host(url)} takes no boards: {error}") from error
    finally:
        grafana.api.s.close()
    return [board["uid"] for _, board in boards]


def _boards(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for language in LANGUAGES:
        for file in sorted((folder / GENERATED / "grafana" / language).glob("*.json")):
            yield language, json.loads(file.read_text("utf-8"))


def _open(url: str, login: Login) -> Any:
    from grafana_api.grafana_face import GrafanaFace  # noqa: PLC0415 - an extra

    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError(f"Grafana's address is no URL like http://127.0.0.1:3000: {_host(url)}")
    return GrafanaFace(
        auth=login.token or (login.user, login.password),
        host=parts.hostname,
        port=parts.port,
        url_path_prefix=parts.path.strip("/") + "/" if parts.path.strip("/") else "",
        protocol=parts.scheme,
        timeout=_TIMEOUT_S,
    )


def _make_folder(grafana: Any, language: str) -> None:
    from grafana_api.grafana_api import GrafanaClientError  # noqa: PLC0415 - an extra

    uid = folder_of(language)
    try:
        grafana.folder.get_folder(uid)
    except GrafanaClientError as error:
        if error.status_code != 404:  # noqa: PLR2004 - HTTP's not found
            raise
        grafana.folder.create_folder(FOLDER.of(language), uid)


def _host(url: str) -> str:
    return url.rpartition("@")[2]
