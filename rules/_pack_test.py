"""Tests that stand in a pack beside their rule: a table of readings, and the alarms expected."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from rules._errors import RuleError
from rules._inputs import Horizon
from rules._log import OPTIONAL, alarm_lines, episodes
from rules._pack import Pack
from rules._pack_table import Table, part_of
from rules._readings import time_text
from rules._replay import each_going_on, evaluate_at_once
from rules._rule import PackTest, Rule
from rules._rule_state import Episode
from rules._vocabulary import PLANNED
from sensors._domain import Catalogue
from sensors._errors import Place

_SHORT = 100  # readings of a test up to which it costs by its length
Spend = Callable[[int], None]
"""Called before a test with its cost, readings times functions; raises to end all."""


@dataclass(frozen=True, kw_only=True)
class Tested:
    """One test run; no differences: it passed."""

    rule: str
    name: str
    place: Place
    differences: tuple[str, ...]


def run_tests(pack: Pack, catalogue: Catalogue, spend: Spend = lambda _cost: None) -> list[Tested]:
    """Run the tests of every rule of a pack, whole and in small cuts."""
    return [
        _run(rule, test, Place(file=pack.file, line=test.line, column=1), catalogue, spend)
        for rule in pack.rules
        for test in rule.tests
    ]


def _run(rule: Rule, test: PackTest, place: Place, catalogue: Catalogue, spend: Spend) -> Tested:
    try:
        differences = _differences(rule, Table(test.body, place, catalogue), spend)
    except RuleError as error:
        differences = [f"cannot be read: {error}"]
    return Tested(rule=rule.id, name=test.name, place=place, differences=tuple(differences))


def _differences(rule: Rule, table: Table, spend: Spend) -> list[str]:
    sent, until = table.sent()
    # After each arrival all before it are judged again: what is long costs its square.
    spend(len(sent) * max(1, rule.calls) * max(1, len(sent) // _SHORT))
    lacking = [name for name in rule.plain if name not in table.series]
    lacking += [
        f"{name} of members"
        for name in rule.shared
        if name not in table.words and name not in table.series
    ]
    lacking += [f"threshold {name}" for name in rule.thresholds if name not in table.thresholds]
    lacking += [f"{name} upstream" for name in rule.afar if name not in table.upstream_words]
    lacking += [f"a forecast of {s}" for s in rule.needed_forecasts if s not in table.forecasts]
    if PLANNED & rule.words and not table.is_planned:
        lacking.append("planned, as 17:00 to 06:00")
    if lacking:
        raise RuleError(table.place, "the test does not give {lacking}", ", ".join(lacking))
    horizon = Horizon(values=until, silence=until)
    revisions = [(0, rule)]
    whole_moments = evaluate_at_once(revisions, table.subject(sent), horizon)
    expected, parts = table.expected()
    differences: list[str] = []
    cut = each_going_on(revisions, table.subject, sent, horizon, whole_moments)
    for how, moments in (("", whole_moments), ("judged one arrival at a time: ", cut)):
        alarms = [_moved(episode, -table.shift) for episode in episodes(rule.id, "test", moments)]
        lines = [part_of(line, parts) for line in alarm_lines(alarms, OPTIONAL)]
        if lines != expected:
            differences.append(f"{how}expected {_listed(expected)}, found {_listed(lines)}")
    if cut != whole_moments and not differences:
        at = next(
            (
                moment
                for moment in (*cut, *whole_moments)
                if (moment in cut) != (moment in whole_moments)
            ),
            whole_moments[0],
        )
        moment = time_text(at.time - table.shift)
        differences.append(f"judged one arrival at a time: otherwise at {moment}, by our mistake")
    return differences


def _listed(lines: list[str]) -> str:
    """Alarms in a sentence; one of which nothing is compared has no words of its own."""
    return "; ".join(line or "an alarm" for line in lines) or "no alarm"


def _moved(alarm: Episode, by: int) -> Episode:
    """On the table's own clock."""
    return replace(
        alarm,
        since=alarm.since + by,
        began=alarm.began + by,
        ended=None if alarm.ended is None else alarm.ended + by,
        severity=tuple((time + by, name) for time, name in alarm.severity),
        stale=tuple((a + by, None if b is None else b + by) for a, b in alarm.stale),
    )
