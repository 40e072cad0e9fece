"""Settings of the simulated city: `[simulators]` in `korat.toml`, `KORAT_SIMULATORS_*`."""

from typing import ClassVar

from pydantic import Field

from city.settings import Settings


class SimulatorSettings(Settings):
    """What the simulated city is made of.

    Attributes:
        seed: Chooses the city; the same seed gives the same values at the same instants.
        devices: How many devices it has, of all kinds together.
        slowest_s: Most seconds between two readings of a device, whatever its kind's cadence; 900 keeps every cadence
            of the catalog. The default makes a demo lively: 300 devices give about 75 readings a second.
        pace: How many times more often than that they send.
    """

    section: ClassVar[str] = "simulators"

    seed: int = 30
    devices: int = Field(default=300, ge=1, le=100_000)
    slowest_s: float = Field(default=4.0, ge=0.1, le=900.0)
    pace: float = Field(default=1.0, gt=0.0, le=1000.0)
