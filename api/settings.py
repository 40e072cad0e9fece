"""Where the API listens."""

import re
from typing import Annotated, ClassVar, Final

from pydantic import AfterValidator, Field, field_validator

from city.proxies import checked_proxies
from city.settings import Settings

_TILES: Final = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+/(?=.*\{z\})(?=.*\{x\})(?=.*\{y\})[^\s\"';,]+")


class ApiSettings(Settings):
    """Settings of the API: `[api]` in `korat.toml`, `KORAT_API_<KEY>` in the environment.

    Attributes:
        host: Name or address of the interface; the loopback until somebody opens it.
        port: TCP port.
        keys_file: File of the keys that the API asks for, as `korat init` makes it; empty: it is open, which only a
            loopback address may be.
        allowed_hosts: Names, separated by commas, by which an open API may be asked beside the loopback's own: those of
            a proxy on this machine.
        trusted_proxies: Addresses or networks of proxies, separated by commas, whose `X-Forwarded-For` or `Forwarded`
            says who asks; half of `max_connections` requests may then be under way for one client. Empty: these headers
            count for nothing.
        deadline_s: Seconds after which a request is answered 503.
        max_connections: Connections at once, half of them of one address; those that ask nothing make room.
        ready_timeout_s: Seconds that a part has to answer before `/health/ready` calls it down.
        console_tiles: Address of map tiles with `{z}`, `{x}` and `{y}`, which the console's map then loads; empty: the
            console draws its own plain ground and asks nothing outside this machine.
        console_tiles_credit: Whom the map names as the tiles' source.
    """

    section: ClassVar[str] = "api"

    host: Annotated[str, Field(min_length=1, max_length=253)] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65_535)] = 8000
    keys_file: str = ""
    allowed_hosts: Annotated[str, Field(max_length=1000)] = ""
    trusted_proxies: Annotated[str, Field(max_length=1000), AfterValidator(checked_proxies)] = ""
    deadline_s: Annotated[float, Field(gt=0, le=300)] = 10.0
    max_connections: Annotated[int, Field(ge=8, le=50_000)] = 1000
    ready_timeout_s: Annotated[float, Field(gt=0, le=30)] = 1.0
    console_tiles: Annotated[str, Field(max_length=500)] = ""
    console_tiles_credit: Annotated[str, Field(max_length=200)] = ""

    @field_validator("console_tiles")
    @classmethod
    def _tiles(cls, value: str) -> str:
        if value and _TILES.fullmatch(value) is None:
            raise ValueError("map tiles have an address such as https://tiles.example/{z}/{x}/{y}.png")
        return value
