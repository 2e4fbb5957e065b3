"""The guided form of a rule: a quantity, a comparison, a limit, a duration; its words."""

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypervisor.backtest.compared_series import find_condition
from hypervisor.backtest.past_events import parse_number
from hypervisor.base.reader import current, reading
from hypervisor.base.translation import mark, translate
from hypervisor.base.words import name_function
from hypervisor.charts.words import limit_label, quantity_label
from hypervisor.rulebook.views_texts import describe_measure
from hypervisor.web.filters import duration, unit
from hypervisor.web.refusals import refusal
from rules._rule import SEVERITIES, Rule
from rules._tree import Arithmetic, Call, Comparison, Name, Node, Number, Threshold
from sensors._domain import Catalogue
from sensors._quantity import Kind, Quantity
from sensors._scalars import ScalarError

VALUE = "value"
USUAL = "usual"  # an hour as a share of the same hour in the last weeks
SPANS = ("10 min", "30 min", "1 h", "3 h", "6 h", "12 h", "1 d")
WEEKS = ("2 weeks", "4 weeks", "8 weeks")
HOLDS = ("", "10 min", "20 min", "30 min", "1 h", "3 h", "6 h")
SIGNS = {"above": ">", "below": "<"}
_BARE = frozenset({"1", "bool", "code"})
_MEASURES: Mapping[Kind, tuple[str, ...]] = {
    Kind.GAUGE: (VALUE, "change", "rate", "mean", "max", "min", USUAL),
    Kind.INCREMENT: ("sum", "max", VALUE, USUAL),
    Kind.COUNTER: ("increase", USUAL),
    Kind.STATE: (VALUE,),
}
_HOURLY = {Kind.GAUGE: "mean", Kind.INCREMENT: "sum", Kind.COUNTER: "increase"}
_WEEK = 604_800_000_000
_LENGTHS = (("d", 86_400_000_000), ("h", 3_600_000_000), ("min", 60_000_000), ("s", 1_000_000))
_TITLES = {
    "above": mark("%(what)s above %(limit)s"),
    "below": mark("%(what)s below %(limit)s"),
}
_COMPARED = mark("%(what)s compared with the same hours of the last %(span)s:")
_ADVICE = mark("Check the reading, then inform the duty engineer.")
_WRONG = mark("The sensor is faulty, or being worked on.")


@dataclass(frozen=True, kw_only=True)
class Guide:
    """What the pickers say. `limit`: a threshold's name, or empty for `value`, in the unit shown.

    `span`: of the measure; `hold`: how long it must last, as a rule writes durations.
    """

    quantity: str
    measure: str = VALUE
    span: str = "1 h"
    comparison: str = "above"
    limit: str = ""
    value: str = "1"
    hold: str = "10 min"
    severity: str = "minor"
    per: str = "site"


def new_guide(catalogue: Catalogue, domain: str) -> Guide:
    """The guide that a new rule of a domain begins with."""
    quantity = catalogue.domains[domain].quantities[0].name
    return fit(Guide(quantity=quantity), catalogue, domain)


def fit(guide: Guide, catalogue: Catalogue, domain: str) -> Guide:
    """The guide with choices that its quantity has; a threshold of another one is dropped."""
    quantities = {quantity.name for quantity in list_quantities(catalogue, domain)}
    if guide.quantity not in quantities and guide.quantity not in catalogue.quantities:
        guide = replace(guide, quantity=catalogue.domains[domain].quantities[0].name)
    measures = _measures_of(catalogue.quantities[guide.quantity])
    if guide.measure not in measures:
        guide = replace(guide, measure=measures[0])
    if guide.measure == USUAL and guide.span not in WEEKS:
        guide = replace(guide, span="4 weeks", limit="", value="150")
    elif guide.measure != USUAL and guide.span in WEEKS:
        guide = replace(guide, span=Guide.span)
    if guide.limit not in dict(list_limits(guide, catalogue)):
        guide = replace(guide, limit="")
    return guide


def list_quantities(catalogue: Catalogue, domain: str) -> list[Quantity]:
    """The quantities of a domain that have an amount."""
    return [
        quantity for quantity in catalogue.domains[domain].quantities if quantity.unit != "code"
    ]


def quantity_choices(guide: Guide, catalogue: Catalogue, domain: str) -> list[tuple[str, str]]:
    """Quantities to choose, by label."""
    choices = {quantity.name: quantity for quantity in list_quantities(catalogue, domain)}
    choices.setdefault(guide.quantity, catalogue.quantities[guide.quantity])
    return [(name, quantity_label(quantity, name)) for name, quantity in choices.items()]


def span_choices(guide: Guide) -> list[tuple[str, str]]:
    """Spans that the measure can look over."""
    return duration_choices(WEEKS if guide.measure == USUAL else SPANS)


def duration_choices(written: Sequence[str]) -> list[tuple[str, str]]:
    """Durations to choose, in the reader's language."""
    return [(each, label_duration(each)) for each in written]


def site_limits(guide: Guide, catalogue: Catalogue) -> list[tuple[str, str]]:
    """Thresholds to choose."""
    return [
        (name, translate("each site's own: %(name)s") % {"name": label})
        for name, label in list_limits(guide, catalogue)
    ]


def show_value(guide: Guide) -> str:
    """The value with the reader's decimal sign."""
    return guide.value.replace(".", ",") if current().language == "fr" else guide.value


def _measures_of(quantity: Quantity) -> list[str]:
    """Measures of a quantity; of one whose zero is arbitrary no share of what is usual."""
    measures = _MEASURES[quantity.kind]
    return [name for name in measures if name != USUAL or quantity.has_shares]


def list_measures(guide: Guide, catalogue: Catalogue) -> list[tuple[str, str]]:
    """Measures of the quantity, with their labels."""
    return [
        (name, _label_measure(name))
        for name in _measures_of(catalogue.quantities[guide.quantity])
        if name != "rate" or catalogue.quantities[guide.quantity].unit not in {*_BARE, "h"}
    ]


def list_limits(guide: Guide, catalogue: Catalogue) -> list[tuple[str, str]]:
    """Thresholds in the unit that is compared, with their labels."""
    if guide.measure == USUAL:
        return []
    return [
        (name, limit_label(threshold, name))
        for name, threshold in catalogue.thresholds.items()
        if threshold.quantity == guide.quantity and threshold.unit == unit_of(guide, catalogue)
    ]


def unit_of(guide: Guide, catalogue: Catalogue) -> str:
    """The unit of what is compared, as a rule writes it; empty for counts and flags."""
    own = catalogue.quantities[guide.quantity].unit
    if guide.measure == USUAL:
        return "%"
    if own in _BARE:
        return ""
    if guide.measure == "rate":
        return f"({own})/h" if "/" in own else f"{own}/h"
    return own


def condition(guide: Guide, catalogue: Catalogue) -> str:
    """The condition as a rule writes it. Raises ScalarError: the value is no number."""
    node = guide.quantity
    if guide.measure == USUAL:
        hourly = _HOURLY[catalogue.quantities[node].kind]
        node = f"{hourly}({node}, 1 h) / usual({node}, {guide.span})"
    elif guide.measure != VALUE:
        node = f"{guide.measure}({node}, {guide.span})"
    limit = f"threshold.{guide.limit}"
    if not guide.limit:
        own = unit_of(guide, catalogue)
        limit = f"{parse_number(guide.value, own):.10g} {own}".strip()
    return f"{node} {SIGNS[guide.comparison]} {limit}"


def find_error(guide: Guide, catalogue: Catalogue) -> str:
    """Why the value cannot be compared; empty if it can."""
    if guide.limit:
        return ""
    try:
        parse_number(guide.value, unit_of(guide, catalogue))
    except ScalarError as error:
        return refusal(error)
    return ""


def read_guide(rule: Rule, catalogue: Catalogue) -> Guide | None:
    """The guide of a rule; None: the rule is beyond it."""
    compared = find_condition(rule)
    if compared is None or not isinstance(rule.when, Comparison) or rule.per == "group":
        return None
    if rule.when.operator not in SIGNS.values() or (compared.scale, compared.offset) != (1.0, 0.0):
        return None
    name, measure, span = _read_figure(compared.node)
    quantity = catalogue.quantities.get(name)
    if quantity is None or measure not in _measures_of(quantity):
        return None
    comparable = measure != USUAL or _is_hourly(compared.node, quantity.kind)
    guide = Guide(
        quantity=name,
        measure=measure,
        span=span,
        comparison=compared.direction,
        hold=_write_duration(rule.hold),
        severity=rule.severity,
        per=rule.per,
    )
    match compared.limit:
        case Threshold(name=limit) if limit in dict(list_limits(guide, catalogue)):
            return replace(guide, limit=limit)
        case Number(value=value) if comparable:
            return replace(guide, value=f"{value * (100 if measure == USUAL else 1):.10g}")
    return None


def _read_figure(node: Node) -> tuple[str, str, str]:
    """Quantity, measure and span; the quantity is empty if it is another figure."""
    match node:
        case Name(name=name):
            return name, VALUE, Guide.span
        case Arithmetic(
            operator="/",
            left=Call(arguments=(Name(name=hourly), Number())),
            right=Call(function="usual", arguments=(Name(name=name), Number(value=length))),
        ) if hourly == name:
            return name, USUAL, f"{int(length) // _WEEK} weeks"
        case Call(function="usual"):
            return "", "", ""
        case Call(function=measure, arguments=(Name(name=name), Number(value=length, unit="us"))):
            return name, measure, _write_duration(int(length))
    return "", "", ""


def _is_hourly(node: Node, kind: Kind) -> bool:
    """Whether its left side is what `usual` has of an hour."""
    match node:
        case Arithmetic(left=Call(function=function, arguments=(Name(), Number(value=length)))):
            return (function, int(length)) == (_HOURLY[kind], _WEEK // (7 * 24))
    return False


def write_guide(  # noqa: PLR0913  what it merges, and into what
    rule: Mapping[str, Any],
    guide: Guide,
    catalogue: Catalogue,
    *,
    before: Guide | None,
    domain: str,
    taken: Collection[str] | None,
) -> dict[str, Any]:
    """A rule's keys with the guide's; other keys stay.

    Titles and texts that were suggested for the guide `before`, or are missing, follow; so does
    the identifier of a new rule, apart from those `taken`. None: the rule is not new.
    """
    keys = {**rule, "when": condition(guide, catalogue), "severity": guide.severity}
    keys |= {"for": guide.hold, "per": "" if guide.per == "site" else guide.per}
    old = {} if before is None else suggest(before, catalogue)
    new = suggest(guide, catalogue)
    french = dict(keys.get("fr") or {})
    for target, language in ((keys, "en"), (french, "fr")):
        for key, text in new[language].items():
            if not target.get(key) or target[key] == old.get(language, {}).get(key):
                target[key] = text
    keys["fr"] = french
    if taken is not None:
        suggested = "" if before is None else suggest_id(before, domain, taken)
        if keys.get("id") in {None, "", suggested}:
            keys["id"] = suggest_id(guide, domain, taken)
    return {key: part for key, part in keys.items() if part or key == "tests"}


def suggest(guide: Guide, catalogue: Catalogue) -> dict[str, dict[str, str]]:
    """Title and texts of a rule, by language."""
    words: dict[str, dict[str, str]] = {}
    for language, site in (("en", "{site}: "), ("fr", "{site} : ")):
        with reading(replace(current(), language=language)):
            words[language] = {
                "title": site + _describe(guide, catalogue),
                "advice": translate(_ADVICE),
                "wrong when": translate(_WRONG),
            }
    return words


def suggest_id(guide: Guide, domain: str, taken: Collection[str]) -> str:
    """An identifier that no rule has."""
    limit = guide.limit or guide.value.replace("-", "minus ")
    words = (guide.quantity, "" if guide.measure == VALUE else guide.measure, guide.comparison)
    plain = unicodedata.normalize("NFKD", " ".join((*words, limit)).lower())
    name = re.sub(r"[^a-z0-9]+", "-", f"{domain} {plain}").strip("-")
    return next(each for each in _number_names(name) if each not in taken)


def _number_names(name: str) -> Iterator[str]:
    yield name
    number = 2
    while True:
        yield f"{name}-{number}"
        number += 1


def _describe(guide: Guide, catalogue: Catalogue) -> str:
    """What is compared with what, as a sentence without an end."""
    what = quantity_label(catalogue.quantities.get(guide.quantity), guide.quantity)
    if guide.measure != VALUE:
        span = _show_duration(guide.span)
        if guide.measure == USUAL:
            what = translate(_COMPARED) % {"what": what, "span": span}
        else:
            what = describe_measure(what, guide.measure, span)
    if guide.limit:
        label = limit_label(catalogue.thresholds.get(guide.limit), guide.limit)
        limit = translate("its “%(name)s”") % {"name": label}
    else:
        own = unit_of(guide, catalogue)
        figure = f"{parse_number(guide.value, own):.10g}"
        figure = figure.replace(".", ",") if current().language == "fr" else figure
        limit = f"{figure} {unit(own)}".strip()
    text = translate(_TITLES[guide.comparison]) % {"what": what, "limit": limit}
    return text[:1].lower() + text[1:]


def _show_duration(written: str) -> str:
    number, _, name = written.partition(" ")
    if name == "weeks":
        return translate("%(count)s weeks") % {"count": number}
    length = dict(_LENGTHS).get(name)
    return duration(float(number) * length / 1_000_000) if length and number.isdigit() else written


def label_duration(written: str) -> str:
    """A duration to choose, in the reader's language."""
    return _show_duration(written) if written else translate("at once")


def _write_duration(length: int) -> str:
    """A duration (µs) as a rule writes it; empty: none."""
    for name, each in _LENGTHS:
        if length and length % each == 0:
            return f"{length // each} {name}"
    return f"{length // 1000} ms" if length else ""


def parse_guide(form: Mapping[str, str], catalogue: Catalogue, domain: str) -> Guide:
    """The guide as submitted; unusual choices become the first ones."""
    given = {name: form[name] for name in vars(Guide(quantity="")) if form.get(name) is not None}
    guide = Guide(**{"quantity": "", **given})
    if guide.comparison not in SIGNS:
        guide = replace(guide, comparison="above")
    if guide.severity not in SEVERITIES:
        guide = replace(guide, severity="minor")
    if guide.per not in {"site", "device"}:
        guide = replace(guide, per="site")
    return fit(guide, catalogue, domain)


def _label_measure(name: str) -> str:
    if name == VALUE:
        return translate("its value")
    if name == USUAL:
        return translate("compared with what is usual")
    return name_function(name, current().language)
