"""What Now says in words, in the reader's language."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from hypervisor.api.access import Access
from hypervisor.console import formats, marks
from hypervisor.console.reader import current
from hypervisor.console.views.blind import Blind
from hypervisor.console.views.now import Now
from hypervisor.console.words import mark, mark_plural, translate_plural
from hypervisor.console.words import translate as _
from hypervisor.store.pages.now import Changes, Standing

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


def words(asked: Access, look: Now) -> dict[str, Any]:
    """The words that the templates of Now and of the wall ask for."""
    return {
        "headline": lambda: headline(look),
        "how_of": how_of,
        "title_of": title_of,
        "threshold_label": _labels(asked),
        "quantities_of": _quantities(asked),
        "movement_words": lambda name: _(_MOVEMENTS[name]),
        "changed_words": changed,
        "fresh": lambda one: current().now - one.began < _FRESH,
    }


def headline(look: Now) -> str:
    """The whole in a line: what waits, and how long there is."""
    return f"{_waiting(look)}, {_coming(look)}"


def _waiting(look: Now) -> str:
    unseen = look.unseen
    if not unseen:
        return _("Nothing to acknowledge")
    gravest = marks.priority(unseen[0].severity)
    count = sum(marks.priority(one.severity) == gravest for one in unseen)
    one, many = _TO_SEE[gravest]
    return translate_plural(one, many, count) % {"num": count}


def _coming(look: Now) -> str:
    asset = look.next_asset
    if asset is None:
        return _("no asset reached within a day")
    if asset.left is None:
        return _("next asset perhaps reached")
    return _("next asset in %(span)s") % {"span": formats.rough(asset.left)}


def changed(changes: Changes) -> list[tuple[int, str]]:
    """Counts and what they are of, for what changed since the last visit."""
    found = [
        (changes.raised, translate_plural("alarm raised", "alarms raised", changes.raised)),
        (changes.over, translate_plural("alarm over", "alarms over", changes.over)),
        (
            changes.edited,
            translate_plural(
                "threshold or rule changed", "thresholds or rules changed", changes.edited
            ),
        ),
    ]
    return [one for one in found if one[0] or one is not found[2]]


def how_of(one: Standing) -> str:
    """How its mark looks."""
    return "shv" if one.held else marks.of_base(one.state)


def title_of(one: Standing) -> str:
    """Its title in the reader's language, where the rule says one."""
    return (current().language == "fr" and one.title_fr) or one.title


def _labels(asked: Access) -> Callable[[str], str]:
    def label(name: str) -> str:
        known = asked.catalogue.thresholds.get(name)
        if known is None:
            return name
        return known.label_fr if current().language == "fr" else known.label_en

    return label


def _quantities(asked: Access) -> Callable[[Blind], str]:
    def said(one: Blind) -> str:
        known = [asked.catalogue.quantities[name] for name in one.quantities]
        french = current().language == "fr"
        names = [found.label_fr if french else found.label_en for found in known]
        shown = ", ".join(name[:1].lower() + name[1:] for name in names[:3])
        return shown[:1].upper() + shown[1:] + ("…" if len(names) > 3 else "")

    return said
