"""All boards, one file each, in the order of the menu."""

from typing import Final

from dashboards.boards import (
    air,
    cold_chain,
    device,
    device_health,
    energy,
    fleet,
    hub,
    overview,
    platform,
    promise,
    traffic,
    water,
)
from dashboards.spec import Board

BOARDS: Final[tuple[Board, ...]] = (
    overview.BOARD,
    air.BOARD,
    water.BOARD,
    traffic.BOARD,
    energy.BOARD,
    fleet.BOARD,
    cold_chain.BOARD,
    hub.BOARD,
    device_health.BOARD,
    promise.BOARD,
    platform.BOARD,
    device.BOARD,
)
