"""How values look: times in the instance's zone, numbers as the language writes them."""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal

from hypervisor.base.reader import current
from hypervisor.base.translation import translate as _

NBSP = "\N{NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"
NOTHING = "\N{EN DASH}"
_NARROW = "\N{NARROW NO-BREAK SPACE}"  # not in the fonts' Latin files


def _locale() -> str:
    return "fr_FR" if current().language == "fr" else "en_GB"


def clock(at: datetime | None) -> str:
    """06:02."""
    return NOTHING if at is None else f"{current().local(at):%H:%M}"


def seconds(at: datetime | None) -> str:
    """06:02:13."""
    return NOTHING if at is None else f"{current().local(at):%H:%M:%S}"


def day(at: datetime | None) -> str:
    """Jeu. 10 oct. 2024."""
    if at is None:
        return NOTHING
    return _plain(format_date(current().local(at), "EEE d MMM y", locale=_locale()))


def short_day(at: datetime | None) -> str:
    """Jeu. 10 oct."""
    if at is None:
        return NOTHING
    return _plain(format_date(current().local(at), "EEE d MMM", locale=_locale()))


def day_time(at: datetime | None) -> str:
    """06:02 today, else jeu. 22:04 within a week, else 10 oct. 22:04, with the year if another."""
    if at is None:
        return NOTHING
    local, now = current().local(at), current().local(current().now)
    if local.date() == now.date():
        return clock(at)
    pattern = "d MMM y, HH:mm"
    if abs(local.date() - now.date()) < timedelta(days=6):
        pattern = "EEE HH:mm"
    elif local.year == now.year:
        pattern = "d MMM, HH:mm"
    return _plain(format_datetime(local.replace(tzinfo=None), pattern, locale=_locale()))


def period(begins: datetime, ends: datetime) -> str:
    """Both as `day_time`: from 06:02 to 08:10; in French du … au where a day is named."""
    today = current().local(current().now).date()
    first = _("from %(clock)s") if current().local(begins).date() == today else _("from %(day)s")
    last = _("to %(clock)s") if current().local(ends).date() == today else _("to %(day)s")
    begin, end = day_time(begins), day_time(ends)
    return f"{first % {'clock': begin, 'day': begin}} {last % {'clock': end, 'day': end}}"


def full(at: datetime | None) -> str:
    """Jeu. 10 oct. 2024, 06:02 UTC+2: where a date must not be mistaken, as in print."""
    return NOTHING if at is None else f"{day(at)}, {clock(at)} {zone(at)}"


def zone(at: datetime) -> str:
    """UTC+2."""
    minutes = round((current().local(at).utcoffset() or timedelta(0)).total_seconds() / 60)
    hours, rest = divmod(abs(minutes), 60)
    sign = "+" if minutes >= 0 else MINUS
    return f"UTC{sign}{hours}" + (f":{rest:02}" if rest else "")


def iso(at: datetime | None) -> str:
    """For the datetime attribute of <time>."""
    return "" if at is None else at.isoformat()


def duration(span: timedelta | float | None) -> str:
    """41 min, 2 h 14, 14 h 40, 3 d 4 h; a number is of seconds."""
    if span is None:
        return NOTHING
    total = span.total_seconds() if isinstance(span, timedelta) else span
    if abs(total) < 60:
        return f"{round(total)}{NBSP}s"
    minutes = round(abs(total) / 60)
    sign = MINUS if total < 0 else ""
    if minutes < 60:
        return f"{sign}{minutes}{NBSP}min"
    hours, rest = divmod(minutes, 60)
    if hours < 48:
        return f"{sign}{hours}{NBSP}h{NBSP}{rest:02}" if rest else f"{sign}{hours}{NBSP}h"
    days, left = divmod(round(minutes / 60), 24)
    return f"{sign}{days}{NBSP}{_('d')}" + (f"{NBSP}{left}{NBSP}h" if left else "")


def rough(span: timedelta) -> str:
    """No more exact than it can be: 5 min, 25 min, 1 h 10, 14 h 40, 2 d."""
    minutes = max(span.total_seconds() / 60, 0)
    step = 1 if minutes < 10 else 5 if minutes < 180 else 10 if minutes < 900 else 60
    return (
        duration(timedelta(minutes=round(minutes / step) * step))
        if minutes >= 1
        else duration(timedelta(minutes=1))
    )


def moment(text: str | datetime) -> datetime:
    """A time as the API and snapshots write it."""
    return datetime.fromisoformat(text) if isinstance(text, str) else text


def since(at: datetime | None) -> str:
    """How long ago, without a preposition: 41 min."""
    return NOTHING if at is None else duration(max(current().now - at, timedelta(0)))


def ago(at: datetime | None) -> str:
    """Il y a 3 min, 3 min ago."""
    if at is None:
        return _("never")
    if abs(current().now - at) < timedelta(seconds=45):
        return _("just now")
    return _("%(span)s ago") % {"span": since(at)}


_LARGEST = 1e15


def number(value: float | None, places: int | None = None) -> str:
    """2,31 or 2.31; thousands set apart; `places` None: three figures at most."""
    if value is None or not math.isfinite(value):
        return NOTHING
    if abs(value) >= _LARGEST:  # a broken sensor's: more figures than a decimal number has
        return f"{value:.2e}".replace("-", MINUS)
    if places is None:
        size = abs(value)
        places = 0 if size >= 100 or value == int(value) else 1 if size >= 10 else 2
    pattern = "#,##0" + ("." + "0" * places if places else "")
    text = format_decimal(value, pattern, locale=_locale())
    return _plain(text).replace("-", MINUS)


_UNITS = {
    "1": "",  # counts
    "1/h": "/h",
    "Cel": "°C",
    "degC": "°C",
    "m3/s": "m³/s",
    "m3": "m³",
    "m3/h": "m³/h",
    "kW.h": "kWh",
    "W/m2": "W/m²",
    "ug/m3": "µg/m³",
    "degree": "°",
}
# As instruments are read: levels to the centimetre, whatever the number.
_PLACES = {"m": 2, "cm": 0, "mm": 1, "%": 0, "V": 2, "hPa": 0, "km/h": 0, "mA": 0}


def join_some(names: Sequence[str], most: int = 3) -> str:
    """The first of many names."""
    return ", ".join(names[:most]) + ("…" if len(names) > most else "")


def unit(name: str | None) -> str:
    """A unit as people write it."""
    bare = (name or "").replace("{", "").replace("}", "")  # UCUM: {veh}/h
    return _UNITS.get(bare, _(bare) if bare else "")


def value(figure: float | None, unit_name: str | None = None, places: int | None = None) -> str:
    """2,31 m."""
    if figure is None:
        return NOTHING
    decimals = _PLACES.get(unit_name or "") if places is None else places
    text = number(figure, decimals)
    written = unit(unit_name)
    return f"{text}{NBSP}{written}" if written else text


def signed(figure: float | None, unit_name: str | None = None, places: int | None = None) -> str:
    """With its sign, as +0,12 m; zero has none."""
    text = value(figure, unit_name, places)
    shown_zero = not any(digit in "123456789" for digit in text)
    if figure is None or (figure < 0 and not shown_zero):
        return text
    return text.replace(MINUS, "") if shown_zero else f"+{text}"


def _plain(text: str) -> str:
    return text.replace(_NARROW, NBSP)


FILTERS = {
    "clock": clock,
    "seconds": seconds,
    "day": day,
    "short_day": short_day,
    "day_time": day_time,
    "period": period,
    "full": full,
    "zone": zone,
    "iso": iso,
    "duration": duration,
    "since": since,
    "rough": rough,
    "moment": moment,
    "ago": ago,
    "number": number,
    "unit": unit,
    "value": value,
    "signed": signed,
}
