"""Texts of the page Now in the reader's language."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from hypervisor.access.context import RequestContext
from hypervisor.base.reader import current
from hypervisor.base.translation import mark, mark_plural, translate_plural
from hypervisor.base.translation import translate as _
from hypervisor.overview.queries_now import Changes, OpenAlarm
from hypervisor.overview.views_blind import BlindSensor
from hypervisor.overview.views_now import Now
from hypervisor.web import filters, marks

_FRESH = timedelta(minutes=5)
_MOVEMENTS = {
    "rising": mark("rising"),
    "falling": mark("falling"),
    "steady": mark("steady"),
    "unknown": mark("no trend yet"),
}
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
        "how_of": mark_state_of,
        "title_of": title_of,
        "threshold_label": _labels(context),
        "quantities_of": _quantities(context),
        "movement_words": lambda name: _(_MOVEMENTS[name]),
        "changed_words": list_changes,
        "fresh": lambda alarm: current().now - alarm.began < _FRESH,
    }


def write_headline(look: Now) -> str:
    """The headline: alarms to acknowledge and time to the next asset."""
    return f"{_waiting(look)}, {_coming(look)}"


def _waiting(look: Now) -> str:
    unseen = look.unseen
    if not unseen:
        return _("Nothing to acknowledge")
    gravest = marks.priority(unseen[0].severity)
    count = sum(marks.priority(standing.severity) == gravest for standing in unseen)
    singular, many = _TO_SEE[gravest]
    return translate_plural(singular, many, count) % {"num": count}


def _coming(look: Now) -> str:
    asset = look.next_asset
    if asset is None:
        return _("no asset reached within a day")
    if asset.left is None:
        return _("next asset perhaps reached")
    return _("next asset in %(span)s") % {"span": filters.rough(asset.left)}


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


def _labels(context: RequestContext) -> Callable[[str], str]:
    def label(name: str) -> str:
        threshold = context.catalogue.thresholds.get(name)
        if threshold is None:
            return name
        return threshold.label_fr if current().language == "fr" else threshold.label_en

    return label


def _quantities(context: RequestContext) -> Callable[[BlindSensor], str]:
    def label_quantities(blind: BlindSensor) -> str:
        quantities = [context.catalogue.quantities[name] for name in blind.quantities]
        french = current().language == "fr"
        names = [quantity.label_fr if french else quantity.label_en for quantity in quantities]
        text = ", ".join(name[:1].lower() + name[1:] for name in names[:3])
        return text[:1].upper() + text[1:] + ("…" if len(names) > 3 else "")

    return label_quantities
