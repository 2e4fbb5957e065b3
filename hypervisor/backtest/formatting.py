"""An answer as plain values: stable keys, times RFC 3339 in UTC, durations in seconds."""

from typing import Any

from hypervisor.alarms.queries import log_entry
from hypervisor.backtest.comparing import Change
from hypervisor.backtest.load import by_rule, load
from hypervisor.backtest.model import Found, Judgement
from hypervisor.backtest.scoring import Outcome, Score
from hypervisor.backtest.service import Answer
from hypervisor.base.instants import text

_SECOND = 1_000_000


def told(answer: Answer) -> dict[str, Any]:
    """All of it."""
    judgement = answer.judgement
    found: dict[str, Any] = {
        "from": text(judgement.since),
        "to": text(judgement.until),
        "rows": judgement.rows,
        "subjects": judgement.subjects,
        "alarms": [_alarm(one) for one in judgement.found],
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
        found["against"] = told(answer.other)
        found["differences"] = [_change(change) for change in answer.changes]
    return found


def _alarm(one: Found) -> dict[str, Any]:
    return {
        **log_entry(one.episode),
        "site": one.place,
        "title": one.title,
        "category": one.category,
        "domain": one.domain,
    }


def _load(judgement: Judgement) -> dict[str, Any]:
    found = load(judgement)
    return {
        "alarms": found.alarms,
        "a_day": round(found.a_day, 4),
        "busiest_day": None
        if found.busiest is None
        else {"day": text(found.busiest[0])[:10], "alarms": found.busiest[1]},
        "most_in_10_min": found.in_ten_minutes,
        "most_standing": found.standing,
        "in_alarm_s": found.in_alarm / _SECOND,
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


def _outcome(one: Outcome) -> dict[str, Any]:
    return {
        "event": one.event.name,
        "sites": sorted(one.event.sites or ()),
        "crossed": text(one.event.crossed),
        "until": text(one.event.until),
        "rule": None if one.alarm is None else one.alarm.episode.rule,
        "began": None if one.counted is None else text(one.counted),
        "lead_s": None if one.lead is None else one.lead / _SECOND,
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
