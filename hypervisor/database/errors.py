"""What goes wrong with the database, as its users see it."""

from sensors._errors import TerritoryError


class StoreError(TerritoryError):
    """The database cannot be used: says what was tried and what to do."""


def describe_held_lock() -> StoreError:
    """What to raise where other work held a lock for longer than a session waits for any."""
    return StoreError(
        "other work has held for too long what this has to change: nothing was changed; try again"
        " when that work has ended"
    )
