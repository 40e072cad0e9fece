"""Device codecs: what makers put into the bytes of an uplink, and the table of their names.

Add one: a module with `decode(port, payload) -> dict[str, object]` (see `codec.Codec`) and `NAMES`, a row in `CODECS`
named `<maker>` or `<maker>-<model>` in lower case (a maker whose frames don't say the model has a row a model:
`decentlab-dl-atm22`), and cases of frames.
"""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Final

from gateway.decoders.lorawan.codecs import (
    browan,
    cayenne,
    decentlab,
    digital_matter,
    dragino,
    dragino_io,
    elsys,
    milesight,
)
from gateway.decoders.lorawan.codecs.codec import Codec, unix_clock

_dragino: Final = partial(Codec, names=dragino.NAMES, absent=dragino.ABSENT, states=dragino.STATES)
_browan: Final = partial(Codec, names=browan.NAMES, absent=browan.ABSENT)
_box: Final = partial(Codec, names=dragino_io.NAMES, absent=dragino_io.ABSENT, states=dragino_io.STATES)
_tracker: Final = partial(Codec, names=digital_matter.NAMES, tidy=digital_matter.fixed_positions)

_MILESIGHT_KINDS: Final = (
    ("cargo", ("em300", "em300-th", "em300-sld", "em300-mcs", "em300-di", "em500-pt100")),
    ("air_quality", ("em500-co2", "am100", "am300")),
    ("weather", ("em500-lgt", "em500-smtc", "em310-tilt")),
    ("water_level", ("em310-udl", "em400", "em500-swl", "em500-udl")),
    ("container", ("at101",)),
    ("energy_meter", ("ct101",)),
    ("waste_bin", ("ws201",)),
    ("dock", ("ws301",)),
    ("noise", ("ws302",)),
)


def _milesight(family: str, kind: str) -> Codec:
    names = milesight.AM100_NAMES if family == "am100" else milesight.NAMES
    tidy = milesight.with_fill_level if family == "ws201" else None
    return Codec(milesight.decoder(family), names, kind, states=milesight.STATES, tidy=tidy)


CODECS: Final[Mapping[str, Codec]] = MappingProxyType(
    {
        "browan-cd10": _browan(browan.decode_cd10, kind="air_quality"),
        "browan-dw10": _browan(browan.decode_dw10, kind="dock"),
        "browan-tbhh100": _browan(browan.decode_tbhh100, kind="cargo"),
        "browan-tbms100": _browan(browan.decode_tbms100, kind="crowd"),
        "cayenne": Codec(cayenne.decode, cayenne.NAMES, "weather", tidy=cayenne.plain_channels),
        **decentlab.CODECS,
        "digital-matter-g62": _tracker(digital_matter.decode_g62, kind="vehicle", clock=digital_matter.g62_clock),
        "digital-matter-oyster3": _tracker(digital_matter.decode_oyster3, kind="container"),
        "dragino-ldds75": _dragino(dragino.decode_ldds75, kind="water_level"),
        "dragino-lds02": _dragino(dragino.contact("LDS02"), kind="dock"),
        "dragino-lht52": _dragino(dragino.decode_lht52, kind="cargo", clock=unix_clock("Systimestamp")),
        "dragino-lht65": _dragino(
            dragino.decode_lht65, kind="cargo", clock=unix_clock("Systimestamp"), tidy=dragino.connected
        ),
        "dragino-lsn50": _box(dragino_io.decode_lsn50, kind="weather", tidy=dragino_io.answered),
        "dragino-lt22222": _box(dragino_io.decode_lt22222, kind="energy_meter"),
        "dragino-lwl02": _dragino(dragino.contact("LWL02"), kind="container"),
        "elsys": Codec(elsys.decode, elsys.NAMES, "air_quality", tidy=elsys.understood),
        "milesight": _milesight("", "air_quality"),
        **{f"milesight-{family}": _milesight(family, kind) for kind, rows in _MILESIGHT_KINDS for family in rows},
    }
)
"""Name of a codec, as settings and `Context.codecs` spell it, to the codec."""

__all__ = ["CODECS", "Codec"]
