"""Settings of the alarm life cycle; durations in µs."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from hypervisor.alarms.errors import AlarmError
from rules._duration import duration_text
from sensors._scalars import ScalarError, duration_micros, parse_whole

_HOUR = 3_600_000_000
MOST = 1_000_000


@dataclass(frozen=True, kw_only=True)
class AlarmSettings:
    """The settings, with their defaults."""

    shelve_longest: int = 24 * _HOUR  # the longest shelving
    step_up_unacknowledges: bool = True  # a higher severity needs a new acknowledgement
    incident_quiet: int = 2 * _HOUR  # an incident closes after this time without an active alarm
    chatter_count: int = 5  # an alarm chatters if it begins more often …
    chatter_window: int = _HOUR  # … than that within this time
    standing_long: int = 24 * _HOUR  # from then on an alarm counts as long-standing


_DURATIONS = ("shelve_longest", "incident_quiet", "chatter_window", "standing_long")


def parse_setting(name: str, value: str) -> Any:
    """Parse the text of a setting into its JSON value.

    Raises AlarmError: no such setting, or not a value of it.
    """
    names = [field.name for field in fields(AlarmSettings)]
    if name not in names:
        raise AlarmError("no setting is called {name!r}; there are {names}", name, ", ".join(names))
    if name in _DURATIONS:
        try:
            span = duration_micros(value)
        except ScalarError as error:
            raise AlarmError("{name}: {problem}", name, str(error)) from error
        if span == 0:
            raise AlarmError(
                "{name}: {value!r}; expected a duration such as 8 h, at most 366 d", name, value
            )
        return span
    if name == "step_up_unacknowledges":
        if value not in ("true", "false"):
            raise AlarmError("{name}: {value!r}; expected true or false", name, value)
        return value == "true"
    number = parse_whole(value, below=MOST + 1)
    if not number:
        raise AlarmError(
            "{name}: {value!r}; expected a whole number of alarms, 1 or more", name, value
        )
    return number


def from_stored(stored: Mapping[str, Any]) -> AlarmSettings:
    """The stored settings, with defaults for the others."""
    names = {field.name for field in fields(AlarmSettings)}
    return AlarmSettings(**{name: value for name, value in stored.items() if name in names})


def format_settings(settings: AlarmSettings) -> dict[str, str]:
    """The settings as text, by name."""
    return {
        field.name: duration_text(getattr(settings, field.name))
        if field.name in _DURATIONS
        else str(getattr(settings, field.name)).lower()
        for field in fields(AlarmSettings)
    }
