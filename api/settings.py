"""Where the API listens."""

from typing import Annotated, ClassVar

from pydantic import Field

from city.settings import Settings


class ApiSettings(Settings):
    """Settings of the API: `[api]` in `korat.toml`, `KORAT_API_<KEY>` in the environment.

    Attributes:
        host: Name or address of the interface; the loopback until somebody opens it.
        port: TCP port.
        keys_file: File of the keys that the API asks for, as `korat init` makes it; empty: it is open, which only a
            loopback address may be.
        ready_timeout_s: Seconds that a part has to answer before `/health/ready` calls it down.
    """

    section: ClassVar[str] = "api"

    host: Annotated[str, Field(min_length=1, max_length=253)] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65_535)] = 8000
    keys_file: str = ""
    ready_timeout_s: Annotated[float, Field(gt=0, le=30)] = 1.0
