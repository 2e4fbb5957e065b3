"""How an instance handles its alarms: durations in µs. Kept in the database, the same for all."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from hypervisor.alarms.errors import AlarmError
from rules._duration import duration_text, parse_duration
from rules._errors import RuleError
from rules._tree import Place

_HOUR = 3_600_000_000
MOST = 1_000_000


@dataclass(frozen=True, kw_only=True)
class AlarmSettings:
    """What can be set with `hypervisor alarms set`."""

    shelve_longest: int = 24 * _HOUR  # nobody shelves for longer at once
    step_up_unacknowledges: bool = True  # a severity above the acknowledged one asks again
    incident_quiet: int = 2 * _HOUR  # an incident closes when nothing of it lasted for so long
    chatter_count: int = 5  # an alarm that begins more often than this …
    chatter_window: int = _HOUR  # … within so long chatters
    standing_long: int = 24 * _HOUR  # an alarm that lasts for longer is told apart in the load


_DURATIONS = ("shelve_longest", "incident_quiet", "chatter_window", "standing_long")


def parse_setting(name: str, value: str) -> Any:
    """A setting as a person writes it, as JSON keeps it.

    Raises:
        AlarmError: there is none of that name, or it is not what the setting wants.
    """
    names = [field.name for field in fields(AlarmSettings)]
    if name not in names:
        raise AlarmError(f"no setting is called {name!r}; there are {', '.join(names)}")
    if name in _DURATIONS:
        try:
            span = parse_duration(value, Place(file=name, line=0, column=0))
        except RuleError as error:
            raise AlarmError(f"{name}: {error.problem}") from error
        if span == 0:
            raise AlarmError(f"{name}: {value!r}; expected a length of time as 8 h, at most 366 d")
        return span
    if name == "step_up_unacknowledges":
        if value not in ("true", "false"):
            raise AlarmError(f"{name}: {value!r}; expected true or false")
        return value == "true"
    if not value.isdecimal() or not 0 < int(value) <= MOST:
        raise AlarmError(f"{name}: {value!r}; expected a whole number of alarms, 1 or more")
    return int(value)


def from_stored(stored: Mapping[str, Any]) -> AlarmSettings:
    """The settings that are stored, and the defaults of the others."""
    names = {field.name for field in fields(AlarmSettings)}
    return AlarmSettings(**{name: value for name, value in stored.items() if name in names})


def format_settings(dials: AlarmSettings) -> dict[str, str]:
    """As a person writes them."""
    return {
        field.name: duration_text(getattr(dials, field.name))
        if field.name in _DURATIONS
        else str(getattr(dials, field.name)).lower()
        for field in fields(AlarmSettings)
    }
