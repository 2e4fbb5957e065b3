"""The words of Now and the wall: headline, changes, and functions for their templates."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from hypervisor.access.context import RequestContext
from hypervisor.alarms import views_words
from hypervisor.base.reader import current
from hypervisor.base.translation import mark, mark_plural, translate_plural
from hypervisor.base.translation import translate as _
from hypervisor.charts.words import limit_label, quantity_label
from hypervisor.forecast.expected import Arrival
from hypervisor.forecast.views_arrival import arrival_words
from hypervisor.overview import views_calm
from hypervisor.overview.queries import Changes, OpenAlarm
from hypervisor.overview.views_blind import BlindSensor
from hypervisor.overview.views_bulletins import show_bulletin
from hypervisor.overview.views_now import Now
from hypervisor.overview.views_roads import road_words
from hypervisor.readings.calm import explain_no_alarm, explain_no_blind
from hypervisor.web import filters, marks

_FRESH = timedelta(minutes=5)
_MOVEMENTS = {
    "rising": mark("rising"),
    "falling": mark("falling"),
    "steady": mark("steady"),
    "unknown": mark("no trend yet"),
    "partial": mark("trend not assessable"),
}
_FLOODED = mark_plural("%(num)s asset flooded", "%(num)s assets flooded")
_TO_SEE = {
    1: mark_plural(
        "%(num)s critical alarm to acknowledge", "%(num)s critical alarms to acknowledge"
    ),
    2: mark_plural("%(num)s major alarm to acknowledge", "%(num)s major alarms to acknowledge"),
    3: mark_plural("%(num)s minor alarm to acknowledge", "%(num)s minor alarms to acknowledge"),
    4: mark_plural("%(num)s notice to acknowledge", "%(num)s notices to acknowledge"),
}


def template_words(context: RequestContext, look: Now) -> dict[str, Any]:
    """Functions for the templates of Now and the wall display."""
    return {
        "headline": lambda: write_headline(look),
        "nothing_worse": lambda: views_calm.explain_nothing_worse(look.calm, gauged=look.gauged),
        "no_alarm": lambda: explain_no_alarm(look.calm, len(look.standing)),
        "no_blind": lambda: explain_no_blind(look.calm, look.sensors, look.resting),
        "no_rivers": lambda: explain_no_rivers(look),
        "how_of": mark_state_of,
        "title_of": title_of,
        "value_of": views_words.value,
        "span_of": views_words.span,
        "threshold_label": lambda name: limit_label(context.catalogue.thresholds.get(name), name),
        "quantities_of": _quantities(context),
        "movement_words": lambda name: _(_MOVEMENTS[name]),
        "changed_words": list_changes,
        "bulletin_of": show_bulletin,
        "fresh": lambda alarm: current().now - alarm.began < _FRESH,
        "forecasts_shown": any(
            row.arrival.issued and not row.arrival.issuer for row in look.worsening
        ),
        **arrival_words(),
        **road_words(),
    }


def write_headline(look: Now) -> str:
    """The headline: alarms to acknowledge and time to the next asset."""
    return ", ".join(filter(None, (_waiting(look), _coming(look))))


def _waiting(look: Now) -> str:
    unseen = look.unseen
    if not unseen:
        if look.calm.evaluation.is_calm:
            return _("Nothing to acknowledge")
        return _("Alarms not assessable")
    gravest = marks.priority(unseen[0].severity)
    count = sum(marks.priority(standing.severity) == gravest for standing in unseen)
    singular, many = _TO_SEE[gravest]
    return translate_plural(singular, many, count) % {"num": count}


def _coming(look: Now) -> str:
    asset = look.next_asset
    if asset is None and look.reached:
        count = len(look.reached)
        return translate_plural(*_FLOODED, count) % {"num": count}
    if asset is None and look.beyond:
        return _("some assets not assessed here")
    if asset is None and look.calm.water.is_calm:
        return _("no asset reached within a day")
    if asset is None and look.calm.water.gaps:
        return _("water not assessable")
    if asset is None:
        return _("water rises or is above a threshold") if look.calm.water.worse else ""
    words = _write_next(asset.arrival, asset.now)
    return f"{words} ({asset.arrival.issuer})" if asset.arrival.issuer else words


def _write_next(arrival: Arrival, now: datetime) -> str:
    if arrival.at is None:
        least = filters.rough(arrival.earliest - now)
        return _("next asset possible in %(span)s") % {"span": least}
    if arrival.at <= now:
        return _("next asset perhaps reached")
    return _("next asset in %(span)s") % {"span": filters.rough(arrival.at - now)}


def explain_no_rivers(look: Now) -> tuple[str, str]:
    """(what, why) where no river is drawn."""
    if not look.gauged:
        return _("No river gauge in your territory."), ""
    return _("No river gauge has reported yet."), _("The inventory assigns gauges to rivers.")


def list_changes(changes: Changes) -> list[tuple[int, str]]:
    """(count, label) of the changes since the last visit."""
    counts = [
        (changes.raised, translate_plural("alarm raised", "alarms raised", changes.raised)),
        (changes.over, translate_plural("alarm over", "alarms over", changes.over)),
        (
            changes.edited,
            translate_plural(
                "threshold or rule changed", "thresholds or rules changed", changes.edited
            ),
        ),
    ]
    return [entry for entry in counts if entry[0] or entry is not counts[2]]


def mark_state_of(standing: OpenAlarm) -> str:
    """The state that its mark shows."""
    return "shv" if standing.held else marks.of_base(standing.state)


def title_of(alarm: OpenAlarm) -> str:
    """Its title in the reader's language, if the rule has one."""
    return (current().language == "fr" and alarm.title_fr) or alarm.title


def _quantities(context: RequestContext) -> Callable[[BlindSensor], str]:
    def label_quantities(blind: BlindSensor) -> str:
        quantities = context.catalogue.quantities
        names = [quantity_label(quantities[name], name) for name in blind.quantities]
        text = ", ".join(name[:1].lower() + name[1:] for name in names[:3])
        return text[:1].upper() + text[1:] + ("…" if len(names) > 3 else "")

    return label_quantities
