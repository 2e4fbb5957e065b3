"""Where a rule of a backtest has no forecast: no alarm there is no clean record."""

from collections.abc import Iterable, Iterator

from hypervisor.evaluation.facts import SubjectFacts
from hypervisor.evaluation.rule_histories import RuleHistory, no_forecast

_SHOWN = 5  # sites named


def list_unforecast(rules: Iterable[RuleHistory], subjects: Iterable[SubjectFacts]) -> list[str]:
    """Notes on rules that lack nothing but a model at some sites.

    Of those that have one somewhere: the others are as rules of which no site has the series.
    """
    subjects = list(subjects)
    return [note for rule in rules if rule.rules for note in _of_rule(rule, subjects)]


def _of_rule(rule: RuleHistory, subjects: Iterable[SubjectFacts]) -> Iterator[str]:
    latest = rule.rules[-1]
    unmodelled = {no_forecast(name) for name in latest.needed_forecasts}
    if not unmodelled:
        return
    lacking = {subject.key: rule.lacks(latest, subject) for subject in subjects}
    keys = sorted(key for key, what in lacking.items() if what in unmodelled)
    if keys and None in lacking.values():
        more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
        yield f"{rule.id}: no forecast at {', '.join(keys[:_SHOWN])}{more}: no model"
