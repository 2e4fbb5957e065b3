"""Steps of a loop on one connection: one that fails rests, and the others go on."""

from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import TypeVar

import psycopg

from hypervisor.base.failures import describe_failure, wait_after

_FIRST, _LONGEST = 1.0, 60.0  # s that a failing step rests
_OF_A_ROW = (psycopg.DataError, psycopg.IntegrityError, psycopg.ProgrammingError)
# Classes of SQLSTATE: lost, read-only after a fail-over, no room, shut down, the system.
_OF_THE_SERVER = ("08", "25", "53", "57P", "58", "XX")
_Result = TypeVar("_Result")


def ends_session(error: BaseException) -> bool:
    """Whether a database error is about the connection or the server, not about one row."""
    if not isinstance(error, psycopg.Error) or isinstance(error, _OF_A_ROW):
        return False
    return error.sqlstate is None or error.sqlstate.startswith(_OF_THE_SERVER)


@dataclass(kw_only=True)
class Steps:
    """Runs the steps of a loop, each by its name. `ticks`: monotonic clock in s."""

    say: Callable[[str], None]
    ticks: Callable[[], float] = monotonic
    _failures: dict[str, int] = field(default_factory=dict)
    _until: dict[str, float] = field(default_factory=dict)

    def run(self, name: str, work: Callable[[], _Result]) -> _Result | None:
        """The step's result; None: it failed, or rests after a failure.

        Raises psycopg.Error: the session is lost, so no step can go on.
        """
        if self._until.get(name, 0.0) > self.ticks():
            return None
        try:
            result = work()
        except Exception as error:
            if ends_session(error):
                raise
            self._failures[name] = self._failures.get(name, 0) + 1
            rest = wait_after(self._failures[name], first=_FIRST, longest=_LONGEST)
            self._until[name] = self.ticks() + rest
            self.say(f"{name} failed ({describe_failure(error)}); again in {rest:g} s")
            return None
        if self._failures.pop(name, None):
            self.say(f"{name} goes on")
        return result

    @property
    def failing(self) -> tuple[str, ...]:
        """The names of the steps whose last run failed."""
        return tuple(sorted(self._failures))
