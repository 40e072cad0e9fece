"""Posts to a gateway's HTTP link and tries again as it asks."""

import http.client
import json
import threading
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

from city.errors import ConfigurationError, Malformed, Reason, Unavailable

_RETRIED: Final = frozenset({408, 425, 429, 500, 502, 503, 504, 507})
_FIRST_WAIT_S: Final = 0.5
_MAX_WAIT_S: Final = 30.0
_TIMEOUT_S: Final = 30.0
_FIRST_ANSWER_S: Final = 10.0


class Poster:
    """One connection that is kept, to one URL.

    Raises:
        ConfigurationError: The URL is none of http or https.
    """

    def __init__(self, url: str, token: str | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigurationError(f"--via {url!r} is no http:// or https:// address")
        secure = parts.scheme == "https"
        connect = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        self._connection = connect(parts.hostname, parts.port, timeout=_TIMEOUT_S)
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._url = url
        self._headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        self._answered = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def post(self, body: bytes, stop: threading.Event) -> bool:
        """Post until it is taken; False if the replay was stopped first. Resending is safe: readings are idempotent.

        Raises:
            Malformed: The gateway refused this body for good; the detail holds its answer.
            ConfigurationError: It refuses the token, or has no such input.
            Unavailable: It has never answered.
        """
        begun, pause = time.monotonic(), _FIRST_WAIT_S
        while not stop.is_set():
            try:
                self._connection.request("POST", self._target, body, self._headers)
                answer = self._connection.getresponse()
                text = answer.read(2_000).decode("utf-8", "replace")
                answer.read()
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                if not self._answered and time.monotonic() - begun > _FIRST_ANSWER_S:
                    raise Unavailable(f"no gateway answers at {self._url}: {error}") from None
                asked = None
            else:
                self._answered = True
                if answer.status < 300:
                    return _taken(text, self._url)
                if answer.status not in _RETRIED:
                    raise _refusal(answer.status, text, self._url)
                asked = retry_after_s(answer.headers.get("Retry-After"))
            stop.wait(pause if asked is None else asked)
            pause = min(pause * 2, _MAX_WAIT_S)
        return False


def retry_after_s(text: str | None) -> float | None:
    """Read Retry-After, seconds or a date (RFC 9110, 10.2.3); None if it is absent or malformed."""
    if text is None:
        return None
    try:
        return min(max(float(text), 0.0), 3600.0)
    except ValueError:
        pass
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    return min(max((when - datetime.now(UTC)).total_seconds(), 0.0), 3600.0)


def _taken(text: str, url: str) -> bool:
    # a gateway takes what it can't decode into quarantine, and says so in its 202
    try:
        answer = json.loads(text)
    except ValueError:
        return True
    if isinstance(answer, dict) and answer.get("undecoded"):
        detail = f"{answer.get('reason', '')}: {answer.get('detail', '')}"[:200]
        raise Malformed(Reason.UNDECODED, f"{url} put it into quarantine: {detail}")
    return True


def _refusal(status: int, text: str, url: str) -> Malformed | ConfigurationError:
    if status in {401, 403, 404, 405}:
        return ConfigurationError(f"{url} answered {status}: {text.strip()[:200]}")
    return Malformed(Reason.UNDECODED, f"{url} answered {status}: {text.strip()[:200]}")
