"""An answer as plain values: stable keys, times RFC 3339 in UTC, durations in seconds."""

from typing import Any

from hypervisor.backtest.asking import Answer
from hypervisor.backtest.comparing import Change
from hypervisor.backtest.found import Found, Judgement
from hypervisor.backtest.load import by_rule, load
from hypervisor.backtest.scoring import Outcome, Score
from hypervisor.instants import text
from hypervisor.store.alarms.alarms import log_entry

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
                "rule": one.rule,
                "subjects": one.subjects,
                "alarms": one.alarms,
                "in_alarm_s": one.in_alarm / _SECOND,
                "in_alarm_part": round(one.part, 6),
                "standing_at_end": one.standing_at_end,
            }
            for one in by_rule(judgement)
        ],
        "scores": [_score(one) for one in answer.scored.scores],
        "notes": list(answer.scored.notes),
    }
    if answer.other is not None:
        found["against"] = told(answer.other)
        found["differences"] = [_change(one) for one in answer.changes]
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


def _score(one: Score) -> dict[str, Any]:
    return {
        "events": one.title,
        "rule": one.rule,
        "hits": one.hits,
        "misses": one.misses,
        "false_alarms": len(one.false),
        "pod": _rounded(one.pod),
        "far": _rounded(one.far),
        "csi": _rounded(one.csi),
        "lead_s": None if one.lead is None else one.lead / _SECOND,
        "outcomes": [_outcome(outcome) for outcome in one.outcomes],
        "false": [_alarm(alarm) for alarm in one.false],
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


def _change(one: Change) -> dict[str, Any]:
    return {
        "changes": [
            {"change": word, "by_s": None if by is None else by / _SECOND} for word, by in one.words
        ],
        "before": None if one.before is None else _alarm(one.before),
        "after": None if one.after is None else _alarm(one.after),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
