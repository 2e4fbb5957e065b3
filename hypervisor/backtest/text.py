"""Durations, times and proportions as people read them."""

from hypervisor.base.instants import moment

_MINUTE = 60_000_000


def clock(instant: int) -> str:
    """A time to the minute, UTC."""
    return f"{moment(instant):%Y-%m-%d %H:%M}"


def lasted(duration: float) -> str:
    """`3 h 20 min`; below a day to the minute, else to the hour."""
    minutes = round(abs(duration) / _MINUTE)
    days, rest = divmod(minutes, 1_440)
    hours, minutes = divmod(rest, 60)
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min"


def lead(duration: float | None) -> str:
    """How long before; `late` where it was after."""
    if duration is None:
        return "-"
    if abs(duration) < _MINUTE / 2:
        return "0"
    return f"{lasted(duration)} {'late' if duration < 0 else 'before'}"


def ratio(value: float | None) -> str:
    """Two digits; nothing of nothing is a dash."""
    return "-" if value is None else f"{value:.2f}"
