"""What a person asked of a backtest and cannot have."""

from sensors._errors import TerritoryError


class BacktestError(TerritoryError):
    """Says what is wrong, where, and what was expected."""
