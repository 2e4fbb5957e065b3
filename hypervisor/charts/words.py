"""Labels of quantities, thresholds and times in the reader's language and zone."""

from datetime import UTC, datetime

from babel.dates import format_date

from hypervisor.base.reader import current
from hypervisor.base.translation import translate as _
from hypervisor.charts.scale import Tick
from hypervisor.charts.shapes import cut
from hypervisor.web import filters
from sensors._domain import Threshold
from sensors._quantity import Quantity

_BARE = frozenset({"1", "bool", "code"})
_LONGEST = 17  # letters beside a chart


def to_datetime(at: float) -> datetime:
    """A time in s since the epoch."""
    return datetime.fromtimestamp(at, UTC)


def quantity_label(quantity: Quantity | None, name: str) -> str:
    """The label of a quantity."""
    if quantity is None:
        return name
    return quantity.label_fr if current().language == "fr" else quantity.label_en


def code_word(word: str) -> str:
    """The word of a state's code, such as: barrière de sortie."""
    return _(word).replace("_", " ")


def limit_label(threshold: Threshold | None, name: str) -> str:
    """The label of a threshold."""
    if threshold is None:
        return name
    return threshold.label_fr if current().language == "fr" else threshold.label_en


def short_limit_label(threshold: Threshold | None, name: str) -> str:
    """A label for a narrow place, such as: attention, alert."""
    if threshold is not None and threshold.short_en:
        return threshold.short_fr if current().language == "fr" else threshold.short_en
    label_text = limit_label(threshold, name)
    return cut(label_text[:1].lower() + label_text[1:], _LONGEST)


def display_unit(unit: str) -> str:
    """The unit to display: none for counts, flags and codes."""
    return "" if unit in _BARE else unit


def clock(at: float) -> str:
    """The local time of day."""
    return filters.clock(to_datetime(at))


def tick_label(tick: Tick) -> str:
    """The hour, day or month of a tick of the time axis."""
    if not (tick.day or tick.month):
        return clock(tick.at)
    local = current().local(to_datetime(tick.at))
    return format_date(local, "MMM y" if tick.month else "EEE d", locale=current().language)
