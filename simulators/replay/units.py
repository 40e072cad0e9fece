"""What `from` in a mapping means: a unit of the platform's table turned into the catalog's."""

from city.catalog import QUANTITIES
from city.errors import ConfigurationError, Malformed
from city.units import affine


def conversion(quantity: str, unit: str) -> tuple[float, float]:
    """Give the scale and the offset that turn a unit into that of a quantity of the catalog.

    Raises:
        ConfigurationError: The unit is unknown or of another dimension, or the catalog lacks the quantity.
    """
    if quantity not in QUANTITIES:
        raise ConfigurationError(f"{quantity!r} is not in the catalog, so nothing says what {unit} becomes")
    try:
        return affine(unit, QUANTITIES[quantity].unit)
    except Malformed as error:
        raise ConfigurationError(f"from = {unit!r} for {quantity}: {error.detail}") from None
