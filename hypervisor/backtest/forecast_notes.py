"""Where a rule of a backtest has no forecast: no alarm there is no clean record."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from hypervisor.evaluation.facts import SubjectFacts
from hypervisor.evaluation.rule_histories import RuleHistory, no_forecast

_SHOWN = 5  # sites named


@dataclass(frozen=True, kw_only=True)
class Unforecast:
    """Subjects at which a rule lacks nothing but a model, and whether it has one somewhere."""

    keys: frozenset[str] = frozenset()
    somewhere: bool = False

    def __or__(self, other: "Unforecast") -> "Unforecast":
        return Unforecast(keys=self.keys | other.keys, somewhere=self.somewhere or other.somewhere)


def find_unforecast(
    rules: Iterable[RuleHistory], subjects: Collection[SubjectFacts]
) -> dict[str, Unforecast]:
    """By rule."""
    by_rule = {rule.id: _of_rule(rule, subjects) for rule in rules if rule.rules}
    return {rule: lacking for rule, lacking in by_rule.items() if lacking != Unforecast()}


def _of_rule(rule: RuleHistory, subjects: Iterable[SubjectFacts]) -> Unforecast:
    latest = rule.rules[-1]
    unmodelled = {no_forecast(name) for name in latest.needed_forecasts}
    if not unmodelled:
        return Unforecast()
    lacking = {subject.key: rule.lacks(latest, subject) for subject in subjects}
    return Unforecast(
        keys=frozenset(key for key, what in lacking.items() if what in unmodelled),
        somewhere=None in lacking.values(),
    )


def write_notes(rules: Iterable[str], unforecast: Mapping[str, Unforecast]) -> Iterator[str]:
    """Notes on the rules that have a forecast at some sites and not at others.

    The others are as rules of which no site has the series.
    """
    for rule in rules:
        lacking = unforecast.get(rule, Unforecast())
        if lacking.keys and lacking.somewhere:
            keys = sorted(lacking.keys)
            more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
            yield f"{rule}: no forecast at {', '.join(keys[:_SHOWN])}{more}: no model"
