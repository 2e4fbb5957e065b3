"""A backtest's answer as JSON values: times RFC 3339 in UTC, durations in seconds."""

from typing import Any

from hypervisor.alarms.log import log_entry
from hypervisor.backtest.differences import Change
from hypervisor.backtest.load import by_rule, load
from hypervisor.backtest.model import Evaluation, RaisedAlarm
from hypervisor.backtest.scoring import Outcome, Score
from hypervisor.backtest.service import Answer
from hypervisor.base.instants import text, text_if

_SECOND = 1_000_000


def format_answer(answer: Answer) -> dict[str, Any]:
    """The answer; its keys are stable."""
    evaluation = answer.evaluation
    body: dict[str, Any] = {
        "from": text(evaluation.since),
        "to": text(evaluation.until),
        "rows": evaluation.rows,
        "subjects": evaluation.subjects,
        "alarms": [_alarm(alarm) for alarm in evaluation.alarms],
        "load": _load(evaluation),
        "rules": [
            {
                "rule": of_rule.rule,
                "subjects": of_rule.subjects,
                "alarms": of_rule.alarms,
                "in_alarm_s": of_rule.in_alarm / _SECOND,
                "in_alarm_part": round(of_rule.part, 6),
                "standing_at_end": of_rule.standing_at_end,
            }
            for of_rule in by_rule(evaluation)
        ],
        "begun": [
            {"rule": rule, "subject": subject, "from": text(at)}
            for (rule, subject), at in sorted(evaluation.begun.items())
        ],
        "scores": [_score(score) for score in answer.scored.scores],
        "notes": [*evaluation.notes, *answer.scored.notes],
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


def _load(evaluation: Evaluation) -> dict[str, Any]:
    summary = load(evaluation)
    return {
        "alarms": summary.alarms,
        "a_day": round(summary.a_day, 4),
        "busiest_day": summary.busiest
        and {"day": text(summary.busiest[0])[:10], "alarms": summary.busiest[1]},
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
        "lead_s": _seconds(score.lead),
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
        "began": text_if(outcome.counted),
        "lead_s": _seconds(outcome.lead),
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "changes": [{"change": word, "by_s": _seconds(by)} for word, by in change.words],
        "before": change.before and _alarm(change.before),
        "after": change.after and _alarm(change.after),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _seconds(span: float | None) -> float | None:
    return None if span is None else span / _SECOND
