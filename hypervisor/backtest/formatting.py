"""An answer as plain values: stable keys, times RFC 3339 in UTC, durations in seconds."""

from typing import Any

from hypervisor.alarms.queries import log_entry
from hypervisor.backtest.differences import Change
from hypervisor.backtest.load import by_rule, load
from hypervisor.backtest.model import Judgement, RaisedAlarm
from hypervisor.backtest.scoring import Outcome, Score
from hypervisor.backtest.service import Answer
from hypervisor.base.instants import text

_SECOND = 1_000_000


def format_answer(answer: Answer) -> dict[str, Any]:
    """All of it."""
    judgement = answer.judgement
    body: dict[str, Any] = {
        "from": text(judgement.since),
        "to": text(judgement.until),
        "rows": judgement.rows,
        "subjects": judgement.subjects,
        "alarms": [_alarm(alarm) for alarm in judgement.alarms],
        "load": _load(judgement),
        "rules": [
            {
                "rule": of_rule.rule,
                "subjects": of_rule.subjects,
                "alarms": of_rule.alarms,
                "in_alarm_s": of_rule.in_alarm / _SECOND,
                "in_alarm_part": round(of_rule.part, 6),
                "standing_at_end": of_rule.standing_at_end,
            }
            for of_rule in by_rule(judgement)
        ],
        "scores": [_score(score) for score in answer.scored.scores],
        "notes": list(answer.scored.notes),
    }
    if answer.other is not None:
        body["against"] = format_answer(answer.other)
        body["differences"] = [_change(change) for change in answer.changes]
    return body


def _alarm(alarm: RaisedAlarm) -> dict[str, Any]:
    return {
        **log_entry(alarm.episode),
        "site": alarm.place,
        "title": alarm.title,
        "category": alarm.category,
        "domain": alarm.domain,
    }


def _load(judgement: Judgement) -> dict[str, Any]:
    summary = load(judgement)
    return {
        "alarms": summary.alarms,
        "a_day": round(summary.a_day, 4),
        "busiest_day": None
        if summary.busiest is None
        else {"day": text(summary.busiest[0])[:10], "alarms": summary.busiest[1]},
        "most_in_10_min": summary.in_ten_minutes,
        "most_standing": summary.standing,
        "in_alarm_s": summary.in_alarm / _SECOND,
    }


def _score(score: Score) -> dict[str, Any]:
    return {
        "events": score.title,
        "rule": score.rule,
        "hits": score.hits,
        "misses": score.misses,
        "false_alarms": len(score.false),
        "pod": _rounded(score.pod),
        "far": _rounded(score.far),
        "csi": _rounded(score.csi),
        "lead_s": None if score.lead is None else score.lead / _SECOND,
        "outcomes": [_outcome(outcome) for outcome in score.outcomes],
        "false": [_alarm(alarm) for alarm in score.false],
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "event": outcome.event.name,
        "sites": sorted(outcome.event.sites or ()),
        "crossed": text(outcome.event.crossed),
        "until": text(outcome.event.until),
        "rule": None if outcome.alarm is None else outcome.alarm.episode.rule,
        "began": None if outcome.counted is None else text(outcome.counted),
        "lead_s": None if outcome.lead is None else outcome.lead / _SECOND,
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "changes": [
            {"change": word, "by_s": None if by is None else by / _SECOND}
            for word, by in change.words
        ],
        "before": None if change.before is None else _alarm(change.before),
        "after": None if change.after is None else _alarm(change.after),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
