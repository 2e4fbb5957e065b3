"""Where and until when a rule of a backtest had no forecast: no alarm there is no clean record."""

from collections.abc import Iterable, Iterator

from hypervisor.base.instants import moment
from hypervisor.evaluation.facts import SubjectFacts
from hypervisor.evaluation.rulebook import RuleHistory, no_forecast
from sensors._row import NEVER

_SHOWN = 5  # sites named


def list_unforecast(
    rules: Iterable[RuleHistory], subjects: Iterable[SubjectFacts], since: int
) -> list[str]:
    """Notes on rules without a model at some sites, or before a day after `since` (µs).

    Of rules that had one somewhere: the others are as rules of which no site has the series.
    """
    subjects = list(subjects)
    return [note for rule in rules if rule.rules for note in _of_rule(rule, subjects, since)]


def _of_rule(rule: RuleHistory, subjects: Iterable[SubjectFacts], since: int) -> Iterator[str]:
    latest, without = rule.rules[-1], list[str]()
    from_day: dict[str, list[str]] = {}
    somewhere = False
    for subject in subjects:
        lacking = rule.lacks(latest, subject)
        if lacking is not None:
            names = latest.needed_forecasts
            if lacking in {no_forecast(name) for name in names}:
                without.append(subject.key)
            continue
        somewhere = True
        begins = rule.begins(subject)
        if begins > max(since, NEVER):
            from_day.setdefault(f"{moment(begins):%-d %B %Y}", []).append(subject.key)
    if without and somewhere:
        yield f"{rule.id}: no forecast at {_listed(without)}: no model"
    for day, keys in from_day.items():
        yield f"{rule.id}: no forecast before {day} at {_listed(keys)}: no model"


def _listed(keys: list[str]) -> str:
    more = len(keys) - _SHOWN
    shown = ", ".join(sorted(keys)[:_SHOWN])
    return f"{shown} and {more} more" if more > 0 else shown
