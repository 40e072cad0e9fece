"""What Grafana's files call each other by."""

from typing import Any, Final

DATASOURCE_UID: Final = "korat-influxdb"
SOURCE: Final[dict[str, str]] = {"type": "influxdb", "uid": DATASOURCE_UID}

Json = dict[str, Any]


def uid_of(board: str, language: str) -> str:
    """Give a board's uid, which never changes (at most 40 characters)."""
    return f"korat-{language}-{board}"


def folder_of(language: str) -> str:
    """Give the uid of a language's folder."""
    return f"korat-{language}"
