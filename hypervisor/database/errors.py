"""What goes wrong with the database, as its users see it."""

import psycopg

from sensors._errors import TerritoryError


class StoreError(TerritoryError):
    """The database cannot be used: says what was tried and what to do."""


def describe(error: psycopg.Error) -> StoreError:
    """What to raise in place of an error of the database."""
    if isinstance(error, psycopg.errors.LockNotAvailable):
        return describe_held_lock()
    return StoreError("the database says: {error}", str(error).strip())


def explain(error: Exception) -> StoreError | None:
    """What to say of a database that is lost or held by others, or cannot hold a value.

    None: another kind of error.
    """
    if isinstance(error, psycopg.DataError | UnicodeEncodeError):  # such as half a character
        problem = str(error).strip().partition("\n")[0]
        return StoreError("a value that the database cannot hold: {problem}", problem)
    return describe(error) if isinstance(error, psycopg.OperationalError) else None


def describe_held_lock() -> StoreError:
    """What to raise where other work held a lock for longer than a session waits for any."""
    return StoreError(
        "other work has held for too long what this has to change: nothing was changed; try again"
        " when that work has ended"
    )
