"""A backtest's answer as tables; durations, times and ratios as text."""

from collections.abc import Iterator, Sequence

from rich import box
from rich.table import Table

from hypervisor.backtest.load import by_rule, load
from hypervisor.backtest.model import Evaluation, clock
from hypervisor.backtest.scoring import Score
from hypervisor.backtest.service import Answer

_MINUTE = 60_000_000
_MOST = 40  # lines of a list; --json has all


def tables(answer: Answer) -> Iterator[Table | str]:
    """Alarms or differences, rules, load, scores, notes."""
    evaluation = answer.evaluation
    yield (
        f"{evaluation.rows:,} readings of {evaluation.subjects:,} subjects,"
        f" {clock(evaluation.since)} to {clock(evaluation.until)} UTC"
    )
    if answer.changes or answer.other is not None:
        yield from _differences(answer)
    else:
        yield from _alarms(evaluation)
    yield _rules(evaluation)
    yield _load(evaluation)
    for title, scores in _by_title(answer.scored.scores):
        yield _scores(scores, title)
        yield _outcome_table(scores[0])
    if answer.other is not None:
        for title, scores in _by_title(answer.other.scored.scores):
            yield _scores(scores, f"{title}, with the change")
    for note in (*evaluation.notes, *answer.scored.notes):
        yield f"note: {note}"


def _alarms(evaluation: Evaluation) -> Iterator[Table | str]:
    if not evaluation.alarms:
        yield "no alarm"
        return
    table = _table("began", "lasted", "severity", "subject", "rule", title="alarms (UTC)")
    for alarm in evaluation.alarms[:_MOST]:
        episode = alarm.episode
        ended = evaluation.until if episode.ended is None else episode.ended
        active = ", active" if episode.ended is None else ""
        table.add_row(
            clock(episode.began),
            f"{lasted(ended - episode.began)}{active}",
            alarm.highest,
            episode.subject,
            episode.rule,
        )
    yield from _limited(table, len(evaluation.alarms))


def _limited(table: Table, count: int) -> Iterator[Table | str]:
    yield table
    if count > _MOST:
        yield f"… and {count - _MOST:,} more; --json lists all"


def _table(*names: str, title: str) -> Table:
    """Without borders between rows; what does not fit is folded, not cut."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in names:
        table.add_column(name, overflow="fold")
    return table


def _rules(evaluation: Evaluation) -> Table:
    table = _table("rule", "subjects", "alarms", "in alarm", "of the time", title="rules")
    for row in by_rule(evaluation):
        counts = str(row.subjects), str(row.alarms)
        table.add_row(row.rule, *counts, lasted(row.in_alarm), f"{row.part:.2%}")
    return table


def _load(evaluation: Evaluation) -> str:
    summary = load(evaluation)
    line = f"load: {summary.alarms:,} alarms, {summary.a_day:.2g} a day"
    if summary.busiest is not None:
        line += f"; most on one day {summary.busiest[1]} ({clock(summary.busiest[0])[:10]})"
    return f"{line}; in 10 min {summary.in_ten_minutes}; at once {summary.standing}"


def _scores(scores: Sequence[Score], title: str) -> Table:
    names = ("rule", "hits", "misses", "false", "POD", "FAR", "CSI", "lead (median)")
    table = _table(*names, title=title)
    for score in scores:
        counts = score.hits, score.misses, len(score.false)
        ratios = score.pod, score.far, score.csi
        table.add_row(
            score.rule or "any of them", *map(str, counts), *map(ratio, ratios), lead(score.lead)
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
        event = outcome.event.name, clock(outcome.event.crossed)
        if outcome.alarm is None or outcome.counted is None:
            table.add_row("MISS", *event, "none", "", "")
        else:
            rule = outcome.alarm.episode.rule
            table.add_row("hit", *event, clock(outcome.counted), lead(outcome.lead), rule)
    for alarm in score.false[:_MOST]:
        episode = alarm.episode
        table.add_row("false", episode.subject, "", clock(episode.began), "", episode.rule)
    return table


def _differences(answer: Answer) -> Iterator[Table | str]:
    other = answer.other
    assert other is not None  # noqa: S101  there are differences from something
    before, after = len(answer.evaluation.alarms), len(other.evaluation.alarms)
    yield f"{before:,} alarms now, {after:,} with the change"
    if not answer.changes:
        yield "no alarm would differ"
        return
    names = ("change", "began", "would begin", "subject", "rule")
    table = _table(*names, title="what would differ (UTC)")
    for change in answer.changes[:_MOST]:
        words = (word if by is None else f"{word} by {lasted(by)}" for word, by in change.words)
        sides = change.before, change.after
        times = ("" if alarm is None else clock(alarm.episode.began) for alarm in sides)
        episode = change.alarm.episode
        table.add_row(", ".join(words), *times, episode.subject, episode.rule)
    yield from _limited(table, len(answer.changes))


def lasted(duration: float) -> str:
    """`3 h 20 min`; below a day to the minute, else to the hour."""
    minutes = round(abs(duration) / _MINUTE)
    days, rest = divmod(minutes, 1_440)
    hours, minutes = divmod(rest, 60)
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min"


def lead(duration: float | None) -> str:
    """Lead time, such as `2 h before`; negative: `2 h late`."""
    if duration is None:
        return "-"
    if abs(duration) < _MINUTE / 2:
        return "0"
    return f"{lasted(duration)} {'late' if duration < 0 else 'before'}"


def ratio(value: float | None) -> str:
    """Two digits; a dash for None."""
    return "-" if value is None else f"{value:.2f}"
