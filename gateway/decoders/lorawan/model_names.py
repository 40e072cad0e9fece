"""Which codec a device needs, by what its network server calls it: the device profile, or brand and model."""

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from gateway.decoders.lorawan.codecs import CODECS

_ALIASES: Final[Mapping[str, str | None]] = MappingProxyType(
    {
        "am102": "milesight-am100",
        "am103": "milesight-am100",
        "am104": "milesight-am100",
        "am107": "milesight-am100",
        "am307": "milesight-am300",
        "am308": "milesight-am300",
        "am319": "milesight-am300",
        "cayenne-lpp": "cayenne",
        "dds75": "dragino-ldds75",
        "elt": "elsys",
        "em300-zld": "milesight-em300-sld",
        "em400-mud": "milesight-em400",
        "em400-tld": "milesight-em400",
        "em400-udl": "milesight-em400",
        "ers": "elsys",
        "g62": "digital-matter-g62",
        "ldds": "dragino-ldds75",
        "lht65n": "dragino-lht65",
        "lht65n-pir": None,
        "lht65n-vib": None,
        "lsn50v2": "dragino-lsn50",
        "lt-22222": "dragino-lt22222",
        "lt-33222": "dragino-lt22222",
        "oyster": "digital-matter-oyster3",
        "yabby3": "digital-matter-oyster3",
    }
)
"""Other names of models, as slugs; None where a name only looks like that of a model with a codec."""


def _tokens() -> tuple[tuple[re.Pattern[str], str | None], ...]:
    named: dict[str, str | None] = dict(_ALIASES)
    for name in CODECS:
        _, _, model = name.removeprefix("digital-").partition("-")
        named[model or name] = name
    # a model says more than its maker, and `em300-th` more than `em300`
    rows = sorted(named.items(), key=lambda row: (row[0] == row[1], -len(row[0])))
    return tuple((re.compile(rf"(?:^|-){re.escape(token)}(?:$|-)"), name) for token, name in rows)


_TOKENS: Final = _tokens()


@lru_cache(maxsize=1024)
def guess(label: str) -> str | None:
    """Name the codec of a label such as `Milesight EM500-UDL` or `dragino lht52`; None if no model is in it."""
    slug = re.sub(r"[^a-z0-9]+", "-", label[:200].lower()).strip("-")
    return next((name for pattern, name in _TOKENS if pattern.search(slug)), None)
