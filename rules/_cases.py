"""Worked cases: readings and a rule in, the alarm log out. Read from YAML, run, compared."""

from dataclasses import dataclass

import yaml

from rules._case import Case
from rules._case_reader import read_case
from rules._errors import RuleError, WaitingError
from rules._inputs import Subject
from rules._log import OPTIONAL, alarm_lines, episodes
from rules._replay import evaluate_at_once, replay
from rules._rule_state import Episode, StateChange
from rules._vocabulary import Vocabulary
from rules._yaml import Source


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one case: passed, or what differs, or what it waits for."""

    name: str
    line: int
    differences: tuple[str, ...] = ()
    waiting: str | None = None

    @property
    def passed(self) -> bool:
        return not self.differences and self.waiting is None


def run_cases(text: str, *, file: str, words: Vocabulary) -> list[Outcome]:
    """Run every case of a file, whole and in small cuts by order of arrival.

    Raises:
        RuleError: the file is no list of cases.
    """
    source = Source(file)
    outcomes: list[Outcome] = []
    for node in source.sequence(source.compose(text), "a list of cases"):
        parts = source.mapping(node, "a case")
        name = source.text(parts["name"], "a name") if "name" in parts else "(without a name)"
        line = source.place(node).line
        outcomes.append(_outcome(node, source, words, name, line))
    return outcomes


def _outcome(node: yaml.Node, source: Source, words: Vocabulary, name: str, line: int) -> Outcome:
    try:
        case = read_case(node, source, words)
    except WaitingError as error:
        return Outcome(name=name, line=line, waiting=str(error))
    except RuleError as error:
        return Outcome(name=name, line=line, differences=(f"cannot be read: {error}",))
    return Outcome(name=name, line=line, differences=tuple(run_case(case)))


def run_case(case: Case) -> list[str]:
    """What differs from the case's log, whole and incrementally; nothing when it passes."""
    subject = case.frame.subject(case.sent)
    rule = case.revisions[0][1]
    rule_id = rule.id if rule else ""
    alarms = episodes(rule_id, subject, _whole(case, subject))
    differences = _compare(case, alarms, "")
    for size in (1, 3):
        moments = replay(
            case.revisions,
            case.frame.subject,
            case.sent,
            case.horizon,
            size=size,
            closings=case.closings,
        )
        cut = episodes(rule_id, subject, moments)
        if cut != alarms:
            how = f"judged {size} arrivals at a time: "
            other = [f"{how}{alarm_lines(cut, OPTIONAL)} is not {alarm_lines(alarms, OPTIONAL)}"]
            differences += _compare(case, cut, how) or other
    return differences


def _whole(case: Case, subject: Subject) -> tuple[StateChange, ...]:
    return evaluate_at_once(case.revisions, subject, case.horizon, closings=case.closings)


def _compare(case: Case, alarms: list[Episode], how: str) -> list[str]:
    lines = alarm_lines(alarms, case.compared)
    if lines == list(case.expected):
        return []
    missing = [f"{how}expected {line}" for line in case.expected if line not in lines]
    extra = [f"{how}found    {line}" for line in lines if line not in case.expected]
    return (missing + extra) or [f"{how}the order differs: {lines}"]
