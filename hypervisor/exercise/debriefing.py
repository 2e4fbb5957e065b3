"""What came of a run, for those who led and those who trained: event, alarm, answer, decision."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from hypervisor.exercise import scoring
from hypervisor.exercise.playable import story_of
from hypervisor.exercise.scoring import Verdict
from hypervisor.exercise.simulation import field_in
from hypervisor.instants import micros, text
from hypervisor.logbook.entry import Kind
from hypervisor.store import feed
from hypervisor.store.alarms import alarm_acts
from hypervisor.store.alarms import alarms as alarm_store
from hypervisor.store.alarms.alarm_acts import Done
from hypervisor.store.alarms.alarms import Alarm, Selection, highest
from hypervisor.store.connect import Connection
from hypervisor.store.exercise import archiving, conducting, injecting
from hypervisor.store.exercise.conducting import Run, State
from hypervisor.store.exercise.injecting import Inject, Sheet, Skip
from hypervisor.store.logbook import logbook
from hypervisor.store.logbook.logbook import Entry, Wanted
from sensors._errors import TerritoryError
from simulators._field import Field
from simulators._story import SECOND, Story

DECIDED = (Kind.DECISION, Kind.CLOSURE, Kind.CALL, Kind.PROMISE)
MOST = 10_000  # lines of the log that a debrief tells


def debrief(connection: Connection, data: Path, run: Run) -> dict[str, Any]:
    """Plain values; times RFC 3339 in UTC, of the scenario where nothing else is said.

    Of a run that was begun anew since: as it was kept then.
    """
    if run.state is State.RESET:
        return archiving.kept(connection, run.id) or {"run": _run(run), "gone": True}
    alarms = _alarms(connection, run)
    acts = alarm_acts.acts(connection, [one.id for one in alarms])
    entries = _entries(connection, run)
    injects = injecting.injects(connection, run.id)
    sheets = injecting.sheets(connection, run.id)
    skips = injecting.skips(connection, run.id)
    truths = _truths(connection, data, run, alarms)
    chains = [_chain(each, run, acts, entries) for each in truths.verdicts] if truths else []
    told = [
        *_events(truths.verdicts if truths else (), run),
        *(_raised(one) for one in alarms),
        *_answered(acts, {one.id: one for one in alarms}),
        *(_written(one) for one in entries),
        *(_put_in(one) for one in injects if one.fired_scenario is not None),
        *(_jumped(one) for one in skips),
    ]
    return {
        "run": _run(run),
        "gone": False,
        "figures": _figures(alarms, acts, chains, sheets, skips),
        "chains": chains,
        "false": [_alarm(one) for one in truths.false] if truths else [],
        "timeline": sorted(told, key=lambda one: one["at"]),
        "injects": [_inject(one) for one in injects],
        "sheets": [_sheet(one) for one in sheets],
        "skips": [_skip(one) for one in skips],
        "commands": [
            {
                "kind": one.kind,
                "author": one.author,
                "wall": text(micros(one.asked_at)),
                "refused": one.refused,
                "details": dict(one.details),
            }
            for one in conducting.commands(connection, run.id)
        ],
    }


def keep(connection: Connection, data: Path, run: Run) -> None:
    """Keep it, before the exercise begins anew."""
    archiving.keep(connection, run.id, debrief(connection, data, run))


def _alarms(connection: Connection, run: Run) -> list[Alarm]:
    """Those that lasted in the run's span."""
    first, last = micros(run.begins), micros(run.clock or run.begins)
    found = alarm_store.listing(connection, Selection())
    mine = (
        one for one in found if one.episode.began <= last and (one.episode.ended or last) >= first
    )
    return sorted(mine, key=lambda one: (one.episode.began, one.id))


def _entries(connection: Connection, run: Run) -> list[Entry]:
    """What was written into the log while it was played."""
    since = run.started_at or run.asked_at
    found = logbook.listing(connection, Wanted(since=since, until=run.ended_at, limit=MOST))
    return sorted(found, key=lambda one: one.id)


def _truths(
    connection: Connection, data: Path, run: Run, alarms: Sequence[Alarm]
) -> scoring.Score | None:
    """What of the truth was told; None: it is known of no recording, or its story is gone."""
    if run.kind != "story":
        return None
    try:
        story = story_of(data, run.source)
        there = _field(connection, story)
        return scoring.score(story, there, int(run.parameters.get("seed", 1)), alarms)
    except TerritoryError:
        return None


_FIELDS: dict[tuple[str, int, str, datetime], Field] = {}  # of a database, by its registry


def _field(connection: Connection, story: Story) -> Field:
    """The territory of a story: read once for each state of the registry."""
    key = (connection.info.dsn, feed.registry_version(connection), story.name, story.begins)
    found = _FIELDS.get(key)
    if found is None:
        _FIELDS.clear()
        found = _FIELDS[key] = field_in(connection, story)
    return found


def _chain(
    verdict: Verdict, run: Run, acts: Iterable[Done], entries: Iterable[Entry]
) -> dict[str, Any]:
    """Of one truth and rule: when it happened, was raised, was answered, and what was decided."""
    truth = verdict.truth
    at = run.begins + timedelta(hours=truth.at)
    alarms = {one.id: one for one in verdict.alarms}
    first = min(verdict.alarms, key=lambda one: one.episode.began, default=None)
    answered = next(
        (one for one in acts if one.alarm in alarms and one.kind == "acknowledge"), None
    )
    places = {one.place for one in verdict.alarms if one.place}
    decided = [
        one
        for one in entries
        if one.kind in DECIDED and (one.alarm in alarms or (one.site and one.site in places))
    ]
    return {
        "what": truth.what,
        "what_fr": truth.what_fr,
        "rule": verdict.rule,
        "at": text(micros(at)),
        "until": text(micros(run.begins + timedelta(hours=truth.until))),
        "found": verdict.found,
        "alarms": [_alarm(one) for one in verdict.alarms],
        "raised": None if first is None else text(first.episode.began),
        "acknowledged": None if answered is None else _act(answered),
        "decisions": [_written(one) for one in decided],
        "begun": run.clock is not None and at <= run.clock,
        "over": run.clock is not None and at + timedelta(hours=truth.tolerance or 0) <= run.clock
        if truth.tolerance is not None
        else run.clock is not None and run.begins + timedelta(hours=truth.until) <= run.clock,
    }


def _figures(
    alarms: Sequence[Alarm],
    acts: Sequence[Done],
    chains: Sequence[Mapping[str, Any]],
    sheets: Sequence[Sheet],
    skips: Sequence[Skip],
) -> dict[str, Any]:
    """How it went, in numbers. An answer counts where nobody jumped over the alarm."""
    jumped = {number for one in skips for number in one.alarms or ()}
    first: dict[int, Done] = {}
    for act in acts:
        if act.kind == "acknowledge":
            first.setdefault(act.alarm, act)
    waits = [
        (answer.scenario_at - found.episode.began) / SECOND
        for found in alarms
        if found.id not in jumped
        and (answer := first.get(found.id)) is not None
        and answer.scenario_at is not None
    ]
    due = [one for one in chains if one["found"] or one["over"]]
    return {
        "alarms": len(alarms),
        "acknowledged": len(first),
        "jumped": len(jumped),
        "answer_s": median(waits) if waits else None,
        "truths": len(due),
        "found": sum(one["found"] for one in due),
        "sheets": len(sheets),
        "done": sum(one.outcome == "done" for one in sheets),
        "partly": sum(one.outcome == "partly" for one in sheets),
        "not": sum(one.outcome == "not" for one in sheets),
    }


def _events(verdicts: Iterable[Verdict], run: Run) -> Iterator[dict[str, Any]]:
    """Each truth once, however many rules it names; only those that have come."""
    seen = set()
    for each in verdicts:
        truth = each.truth
        at = run.begins + timedelta(hours=truth.at)
        key = (truth.what, truth.at)
        if key in seen or run.clock is None or at > run.clock:
            continue
        seen.add(key)
        yield {"at": text(micros(at)), "kind": "event", "text": truth.what, "fr": truth.what_fr}


def _raised(one: Alarm) -> dict[str, Any]:
    return {"at": text(one.episode.began), "kind": "alarm", "text": one.title, **_alarm(one)}


def _answered(acts: Iterable[Done], alarms: Mapping[int, Alarm]) -> Iterator[dict[str, Any]]:
    for one in acts:
        alarm = alarms[one.alarm]
        if one.author == "system":
            continue
        yield {
            "at": text(one.scenario_at if one.scenario_at is not None else one.at),
            "kind": "act",
            "text": alarm.title,
            "fr": alarm.title_fr,
            "alarm": one.alarm,
            **{key: value for key, value in _act(one).items() if key != "at"},
        }


def _written(one: Entry) -> dict[str, Any]:
    return {
        "at": text(micros(one.shown_at)),
        "kind": "log",
        "entry": one.kind.value,
        "text": one.text,
        "author": one.author,
        "wall": text(micros(one.at)),
        "site": one.site,
        "alarm": one.alarm,
    }


def _put_in(one: Inject) -> dict[str, Any]:
    return {
        "at": None if one.fired_scenario is None else text(micros(one.fired_scenario)),
        "kind": "inject",
        "inject": one.kind,
        "text": one.title,
        "author": one.fired_by,
        "wall": None if one.fired_at is None else text(micros(one.fired_at)),
    }


def _jumped(one: Skip) -> dict[str, Any]:
    return {"at": text(micros(one.from_at)), "kind": "jump", "text": "", **_skip(one)}


def _run(run: Run) -> dict[str, Any]:
    def at(when: Any) -> str | None:
        return None if when is None else text(micros(when))

    return {
        "id": run.id,
        "kind": run.kind,
        "source": run.source,
        "title": run.title,
        "title_fr": run.title_fr,
        "state": run.state.value,
        "parameters": dict(run.parameters),
        "begins": at(run.begins),
        "ends": at(run.ends),
        "clock": at(run.clock),
        "author": run.author,
        "started_at": at(run.started_at),
        "ended_at": at(run.ended_at),
        "readings": run.readings,
    }


def _alarm(one: Alarm) -> dict[str, Any]:
    return {
        "alarm": one.id,
        "rule": one.episode.rule,
        "title": one.title,
        "fr": one.title_fr,
        "severity": highest(one.episode),
        "category": one.category,
        "domain": one.domain,
        "site": one.place,
        "began": text(one.episode.began),
        "ended": None if one.episode.ended is None else text(one.episode.ended),
        "stale": bool(one.episode.stale),
    }


def _act(one: Done) -> dict[str, Any]:
    return {
        "act": one.kind,
        "author": one.author,
        "reason": one.reason,
        "at": text(one.scenario_at if one.scenario_at is not None else one.at),
        "wall": text(one.at),
    }


def _inject(one: Inject) -> dict[str, Any]:
    found = _put_in(one)
    return {
        "id": one.id,
        "kind": one.kind,
        "title": one.title,
        "text": one.text,
        "sender": one.sender,
        "expected": one.expected,
        "planned": None if one.planned is None else text(micros(one.planned)),
        "state": one.state,
        "fired": found["at"],
        "fired_by": one.fired_by,
        "note": one.note,
    }


def _sheet(one: Sheet) -> dict[str, Any]:
    return {
        "id": one.id,
        "inject": one.inject,
        "expected": one.expected,
        "due": None if one.due is None else text(micros(one.due)),
        "outcome": one.outcome,
        "seen": None if one.seen is None else text(micros(one.seen)),
        "note": one.note,
        "noted_by": one.noted_by,
    }


def _skip(one: Skip) -> dict[str, Any]:
    return {
        "from": text(micros(one.from_at)),
        "to": text(micros(one.to_at)),
        "alarms": None if one.alarms is None else list(one.alarms),
        "author": one.author,
    }
