"""What can go wrong that a person can mend."""

from sensors._errors import TerritoryError


class SimulatorError(TerritoryError):
    """A simulator or a scenario is not there, or cannot play with this inventory."""
