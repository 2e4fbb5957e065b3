"""An answer as tables for people."""

from collections.abc import Iterator, Sequence

from rich import box
from rich.table import Table

from hypervisor.backtest.differences import Change
from hypervisor.backtest.load import by_rule, load
from hypervisor.backtest.model import Judgement, RaisedAlarm
from hypervisor.backtest.scoring import Outcome, Score
from hypervisor.backtest.service import Answer
from hypervisor.backtest.text import clock, lasted, lead, ratio

_MOST = 40  # lines of a list that is told to people; --json has all of them


def tables(answer: Answer) -> Iterator[Table | str]:
    """In the order in which one asks."""
    judgement = answer.judgement
    yield (
        f"{judgement.rows:,} readings of {judgement.subjects:,} subjects,"
        f" {clock(judgement.since)} to {clock(judgement.until)} UTC"
    )
    if answer.changes or answer.other is not None:
        yield from _differences(answer)
    else:
        yield from _alarms(judgement)
    yield _rules(judgement)
    yield _load(judgement)
    for title, scores in _by_title(answer.scored.scores):
        yield _scores(scores, title)
        yield _outcome_table(scores[0])
    if answer.other is not None:
        for title, scores in _by_title(answer.other.scored.scores):
            yield _scores(scores, f"{title}, with the change")
    for note in answer.scored.notes:
        yield f"note: {note}"


def _alarms(judgement: Judgement) -> Iterator[Table | str]:
    if not judgement.alarms:
        yield "no alarm"
        return
    table = _table("began", "lasted", "severity", "subject", "rule", title="alarms (UTC)")
    for alarm in judgement.alarms[:_MOST]:
        table.add_row(
            *_when(alarm, judgement), alarm.highest, alarm.episode.subject, alarm.episode.rule
        )
    yield table
    if len(judgement.alarms) > _MOST:
        yield f"… and {len(judgement.alarms) - _MOST:,} more; --json tells all"


def _table(*names: str, title: str) -> Table:
    """Without borders between rows; what does not fit is folded, not cut."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in names:
        table.add_column(name, overflow="fold")
    return table


def _when(alarm: RaisedAlarm, judgement: Judgement) -> tuple[str, str]:
    ended = alarm.episode.ended
    if ended is None:
        return clock(alarm.episode.began), f"{lasted(judgement.until - alarm.episode.began)}, lasts"
    return clock(alarm.episode.began), lasted(ended - alarm.episode.began)


def _rules(judgement: Judgement) -> Table:
    table = _table("rule", "subjects", "alarms", "in alarm", "of the time", title="rules")
    for of_rule in by_rule(judgement):
        table.add_row(
            *(of_rule.rule, str(of_rule.subjects), str(of_rule.alarms), lasted(of_rule.in_alarm)),
            f"{of_rule.part:.2%}",
        )
    return table


def _load(judgement: Judgement) -> str:
    summary = load(judgement)
    line = f"load: {summary.alarms:,} alarms, {summary.a_day:.2g} a day"
    if summary.busiest is not None:
        line += f"; most on one day {summary.busiest[1]} ({clock(summary.busiest[0])[:10]})"
    return f"{line}; in 10 min {summary.in_ten_minutes}; at once {summary.standing}"


def _scores(scores: Sequence[Score], title: str) -> Table:
    names = ("rule", "hits", "misses", "false", "POD", "FAR", "CSI", "lead (median)")
    table = _table(*names, title=title)
    for score in scores:
        table.add_row(
            *(
                score.rule or "any of them",
                str(score.hits),
                str(score.misses),
                str(len(score.false)),
            ),
            *(ratio(score.pod), ratio(score.far), ratio(score.csi), lead(score.lead)),
        )
    return table


def _by_title(scores: Sequence[Score]) -> Iterator[tuple[str, list[Score]]]:
    """First all rules together, or the only one; then each."""
    for title in dict.fromkeys(score.title for score in scores):
        yield title, [score for score in scores if score.title == title]


def _outcome_table(score: Score) -> Table:
    names = ("", "event", "crossed", "first alarm", "lead", "rule")
    table = _table(*names, title=f"{score.title}: each (UTC)")
    for outcome in score.outcomes[:_MOST]:
        table.add_row(*_outcome(outcome))
    for alarm in score.false[:_MOST]:
        table.add_row(
            *(
                "false",
                alarm.episode.subject,
                "",
                clock(alarm.episode.began),
                "",
                alarm.episode.rule,
            ),
        )
    return table


def _outcome(outcome: Outcome) -> tuple[str, ...]:
    if outcome.alarm is None or outcome.counted is None:
        return "MISS", outcome.event.name, clock(outcome.event.crossed), "none", "", ""
    return (
        *("hit", outcome.event.name, clock(outcome.event.crossed), clock(outcome.counted)),
        *(lead(outcome.lead), outcome.alarm.episode.rule),
    )


def _differences(answer: Answer) -> Iterator[Table | str]:
    other = answer.other
    assert other is not None  # noqa: S101  there are differences from something
    before, after = len(answer.judgement.alarms), len(other.judgement.alarms)
    yield f"{before:,} alarms as it is, {after:,} with the change"
    if not answer.changes:
        yield "no alarm would differ"
        return
    names = ("change", "began", "would begin", "subject", "rule")
    table = _table(*names, title="what would differ (UTC)")
    for change in answer.changes[:_MOST]:
        table.add_row(*_change(change))
    yield table
    if len(answer.changes) > _MOST:
        yield f"… and {len(answer.changes) - _MOST:,} more; --json tells all"


def _change(change: Change) -> tuple[str, ...]:
    words = ", ".join(
        word if by is None else f"{word} by {lasted(by)}" for word, by in change.words
    )
    return (
        words,
        "" if change.before is None else clock(change.before.episode.began),
        "" if change.after is None else clock(change.after.episode.began),
        change.alarm.episode.subject,
        change.alarm.episode.rule,
    )
