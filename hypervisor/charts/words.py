"""The words of a chart in the reader's language and zone."""

from datetime import UTC, datetime

from babel.dates import format_date

from hypervisor.base.reader import current
from hypervisor.base.translation import mark, translate
from hypervisor.charts.model import Labels
from hypervisor.web import filters
from sensors._domain import Threshold
from sensors._quantity import Quantity

_BARE = frozenset({"1", "bool", "code"})
# What stands before or after the telling word of a threshold's label.
_HEADS = ("Niveau d'", "Niveau de ", "Débit d'", "Débit de ", "Vitesse de ", "Vitesse à ")
_TAILS = (" level", " discharge")
_LONGEST = 17  # letters beside a chart
# Names that no shortening would make of the labels; of other thresholds the label is cut.
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


def build_labels() -> Labels:
    """For whoever reads what is being made."""
    return Labels(
        say=translate,
        number=filters.number,
        signed=lambda value, places: filters.signed(value, None, places),
        clock=lambda at: filters.clock(to_datetime(at)),
        day=_day,
        month=_month,
        moment=lambda at: filters.day_time(to_datetime(at)),
        unit=filters.unit,
        zone=current().zone,
    )


def to_datetime(at: float) -> datetime:
    """Of s since the epoch."""
    return datetime.fromtimestamp(at, UTC)


def quantity_label(quantity: Quantity | None, name: str) -> str:
    """What a quantity is called."""
    if quantity is None:
        return name
    return quantity.label_fr if current().language == "fr" else quantity.label_en


def limit_label(threshold: Threshold | None, name: str) -> str:
    """What a threshold is called, in full."""
    if threshold is None:
        return name
    return threshold.label_fr if current().language == "fr" else threshold.label_en


def short_limit_label(threshold: Threshold | None, name: str) -> str:
    """The same for a narrow place: attention, alert."""
    if name in _SHORT:
        return translate(_SHORT[name])
    label_text = limit_label(threshold, name)
    for head in _HEADS:
        label_text = label_text.removeprefix(head)
    for tail in _TAILS:
        label_text = label_text.removesuffix(tail)
    label_text = label_text[:1].lower() + label_text[1:]
    if len(label_text) > _LONGEST:
        label_text = label_text[: _LONGEST - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"
    return label_text


def display_unit(unit: str) -> str:
    """The unit to display: none for counts, flags and codes."""
    return "" if unit in _BARE else unit


def _day(at: float) -> str:
    return format_date(current().local(to_datetime(at)), "EEE d", locale=current().language)


def _month(at: float) -> str:
    return format_date(current().local(to_datetime(at)), "MMM y", locale=current().language)
