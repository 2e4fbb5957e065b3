"""Labels of quantities, thresholds and times in the reader's language and zone."""

from datetime import UTC, datetime

from babel.dates import format_date

from hypervisor.base.reader import current
from hypervisor.base.translation import mark, translate
from hypervisor.charts.scale import Tick
from hypervisor.charts.shapes import cut
from hypervisor.web import filters
from sensors._domain import Threshold
from sensors._quantity import Quantity

_BARE = frozenset({"1", "bool", "code"})
# Parts of a threshold's label that a short label omits.
_HEADS = ("Niveau d'", "Niveau de ", "Débit d'", "Débit de ", "Vitesse de ", "Vitesse à ")
_TAILS = (" level", " discharge")
_LONGEST = 17  # letters beside a chart
# Short labels of their own; other thresholds have their label shortened.
_SHORT = {
    "first_asset": mark("first asset"),
    "flow_watch": mark("watched from"),
    "flow_attention": mark("attention"),
    "flow_alert": mark("alert"),
    "flow_danger": mark("danger"),
    "free_speed": mark("free flow"),
    "jam_speed": mark("jam"),
    "jam_occupancy": mark("jam"),
    "capacity": mark("capacity"),
    "cabinet_rated_power": mark("installed"),
    "lamp_rated_power": mark("rated"),
    "gust_park": mark("parks close"),
    "gust_crane": mark("cranes stop"),
    "gust_storm": mark("storm"),
    "heat_day": mark("heat, days"),
    "heat_night": mark("heat, nights"),
}


def to_datetime(at: float) -> datetime:
    """A time in s since the epoch."""
    return datetime.fromtimestamp(at, UTC)


def quantity_label(quantity: Quantity | None, name: str) -> str:
    """The label of a quantity."""
    if quantity is None:
        return name
    return quantity.label_fr if current().language == "fr" else quantity.label_en


def limit_label(threshold: Threshold | None, name: str) -> str:
    """The label of a threshold."""
    if threshold is None:
        return name
    return threshold.label_fr if current().language == "fr" else threshold.label_en


def short_limit_label(threshold: Threshold | None, name: str) -> str:
    """A label for a narrow place, such as: attention, alert."""
    if name in _SHORT:
        return translate(_SHORT[name])
    label_text = limit_label(threshold, name)
    for head in _HEADS:
        label_text = label_text.removeprefix(head)
    for tail in _TAILS:
        label_text = label_text.removesuffix(tail)
    label_text = label_text[:1].lower() + label_text[1:]
    return cut(label_text, _LONGEST)


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
