"""What boards need to know of a province: its zone, its map and its rivers' warning levels."""

import tomllib
from importlib import resources
from typing import Final

import msgspec

from city.errors import ConfigurationError

DEFAULT: Final = "th-30"


class Province(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A province's file `dashboards/provinces/<code>.toml`.

    Attributes:
        code: ISO 3166-2, lower case.
        en: Its English name.
        th: Its Thai name.
        zone: IANA zone in which boards show times.
        refresh: How often boards read anew, such as `30s`.
        lat: Middle of the map, degrees north.
        lon: Degrees east.
        zoom: The map's zoom at first.
        warning_levels: Gauge to metres above mean sea level from which an alert fires.
    """

    code: str
    en: str
    th: str
    zone: str
    refresh: str
    lat: float
    lon: float
    zoom: int
    warning_levels: dict[str, float] = {}


def load_province(code: str = DEFAULT) -> Province:
    """Read a province's file.

    Raises:
        ConfigurationError: There is none, or it is wrong; the sentence names the file.
    """
    name = f"dashboards/provinces/{code}.toml"
    file = resources.files("dashboards") / "provinces" / f"{code}.toml"
    try:
        return msgspec.convert(tomllib.loads(file.read_text("utf-8")), Province)
    except FileNotFoundError:
        raise ConfigurationError(f"there are no boards for province {code!r}: {name} is missing") from None
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigurationError(f"{name}: {error}") from None
