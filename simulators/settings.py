"""What can be set about the simulated city."""

from typing import ClassVar

from pydantic import Field

from city.settings import Settings


class SimulatorSettings(Settings):
    """Settings of the simulated city: table `[simulators]`, variables `KORAT_SIMULATORS_*`.

    The defaults make a demo lively: 300 devices give about 75 readings a second. `slowest_s` of 900 and `pace` of 1
    keep every cadence of the catalog.

    Attributes:
        seed: Chooses the city; the same seed gives the same values at the same instants.
        devices: Simulated devices of all kinds together.
        slowest_s: Most seconds between two readings of a device.
        pace: How many times more often than that devices send.
    """

    section: ClassVar[str] = "simulators"

    seed: int = Field(30)
    devices: int = Field(300, ge=1, le=100_000)
    slowest_s: float = Field(4.0, ge=0.1, le=900.0)
    pace: float = Field(1.0, gt=0.0, le=1000.0)
