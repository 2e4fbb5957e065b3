"""What came of a run, for those who led and those who trained: event, alarm, answer, decision."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from hypervisor.alarms import queries as alarm_store
from hypervisor.alarms import queries_acts
from hypervisor.alarms.queries import Alarm, Selection, highest_severity
from hypervisor.alarms.queries_acts import ActRecord
from hypervisor.base.instants import micros, text
from hypervisor.database import feed
from hypervisor.database.connect import Connection
from hypervisor.exercises import queries_archive, queries_injects, queries_runs, scoring
from hypervisor.exercises.playable import story_of
from hypervisor.exercises.queries_injects import Inject, Sheet, Skip
from hypervisor.exercises.queries_runs import Run, RunState
from hypervisor.exercises.scoring import Verdict
from hypervisor.exercises.simulation import field_in
from hypervisor.logbook import queries as log_queries
from hypervisor.logbook.model import Kind
from hypervisor.logbook.queries import Entry, LogFilter
from sensors._errors import TerritoryError
from simulators._field import Field
from simulators._story import SECOND, Story

DECIDED = (Kind.DECISION, Kind.CLOSURE, Kind.CALL, Kind.PROMISE)
MOST = 10_000  # lines of the log that a debrief tells


def debrief(connection: Connection, data: Path, run: Run) -> dict[str, Any]:
    """Plain values; times RFC 3339 in UTC, of the scenario where nothing else is said.

    Of a run that was begun anew since: as it was kept then.
    """
    if run.state is RunState.RESET:
        return queries_archive.kept(connection, run.id) or {"run": _run(run), "gone": True}
    alarms = _alarms(connection, run)
    acts = queries_acts.list_acts(connection, [alarm.id for alarm in alarms])
    entries = _entries(connection, run)
    injects = queries_injects.injects(connection, run.id)
    sheets = queries_injects.sheets(connection, run.id)
    skips = queries_injects.skips(connection, run.id)
    truths = _truths(connection, data, run, alarms)
    chains = [_chain(each, run, acts, entries) for each in truths.verdicts] if truths else []
    told = [
        *_events(truths.verdicts if truths else (), run),
        *(_raised(alarm) for alarm in alarms),
        *_answered(acts, {alarm.id: alarm for alarm in alarms}),
        *(_written(entry) for entry in entries),
        *(_put_in(inject) for inject in injects if inject.fired_scenario is not None),
        *(_jumped(skip) for skip in skips),
    ]
    return {
        "run": _run(run),
        "gone": False,
        "figures": _figures(alarms, acts, chains, sheets, skips),
        "chains": chains,
        "false": [_alarm(one) for one in truths.false] if truths else [],
        "timeline": sorted(told, key=lambda one: one["at"]),
        "injects": [_inject(inject) for inject in injects],
        "sheets": [_sheet(sheet) for sheet in sheets],
        "skips": [_skip(skip) for skip in skips],
        "commands": [
            {
                "kind": command.kind,
                "author": command.author,
                "wall": text(micros(command.asked_at)),
                "refused": command.refused,
                "details": dict(command.details),
            }
            for command in queries_runs.commands(connection, run.id)
        ],
    }


def keep(connection: Connection, data: Path, run: Run) -> None:
    """Keep it, before the exercise begins anew."""
    queries_archive.keep(connection, run.id, debrief(connection, data, run))


def _alarms(connection: Connection, run: Run) -> list[Alarm]:
    """Those that lasted in the run's span."""
    first, last = micros(run.begins), micros(run.clock or run.begins)
    found = alarm_store.list_alarms(connection, Selection())
    mine = (
        alarm
        for alarm in found
        if alarm.episode.began <= last and (alarm.episode.ended or last) >= first
    )
    return sorted(mine, key=lambda one: (one.episode.began, one.id))


def _entries(connection: Connection, run: Run) -> list[Entry]:
    """What was written into the log while it was played."""
    since = run.started_at or run.asked_at
    found = log_queries.listing(connection, LogFilter(since=since, until=run.ended_at, limit=MOST))
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
    verdict: Verdict, run: Run, acts: Iterable[ActRecord], entries: Iterable[Entry]
) -> dict[str, Any]:
    """Of one truth and rule: when it happened, was raised, was answered, and what was decided."""
    truth = verdict.truth
    at = run.begins + timedelta(hours=truth.at)
    alarms = {alarm.id: alarm for alarm in verdict.alarms}
    first = min(verdict.alarms, key=lambda one: one.episode.began, default=None)
    answered = next(
        (done for done in acts if done.alarm in alarms and done.kind == "acknowledge"), None
    )
    places = {alarm.place for alarm in verdict.alarms if alarm.place}
    decided = [
        entry
        for entry in entries
        if entry.kind in DECIDED
        and (entry.alarm in alarms or (entry.site and entry.site in places))
    ]
    return {
        "what": truth.what,
        "what_fr": truth.what_fr,
        "rule": verdict.rule,
        "at": text(micros(at)),
        "until": text(micros(run.begins + timedelta(hours=truth.until))),
        "found": verdict.found,
        "alarms": [_alarm(alarm) for alarm in verdict.alarms],
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
    acts: Sequence[ActRecord],
    chains: Sequence[Mapping[str, Any]],
    sheets: Sequence[Sheet],
    skips: Sequence[Skip],
) -> dict[str, Any]:
    """How it went, in numbers. An answer counts where nobody jumped over the alarm."""
    jumped = {number for skip in skips for number in skip.alarms or ()}
    first: dict[int, ActRecord] = {}
    for act in acts:
        if act.kind == "acknowledge":
            first.setdefault(act.alarm, act)
    waits = [
        (answer.scenario_at - alarm.episode.began) / SECOND
        for alarm in alarms
        if alarm.id not in jumped
        and (answer := first.get(alarm.id)) is not None
        and answer.scenario_at is not None
    ]
    due = [chain for chain in chains if chain["found"] or chain["over"]]
    return {
        "alarms": len(alarms),
        "acknowledged": len(first),
        "jumped": len(jumped),
        "answer_s": median(waits) if waits else None,
        "truths": len(due),
        "found": sum(one["found"] for one in due),
        "sheets": len(sheets),
        "done": sum(sheet.outcome == "done" for sheet in sheets),
        "partly": sum(sheet.outcome == "partly" for sheet in sheets),
        "not": sum(sheet.outcome == "not" for sheet in sheets),
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


def _answered(acts: Iterable[ActRecord], alarms: Mapping[int, Alarm]) -> Iterator[dict[str, Any]]:
    for done in acts:
        alarm = alarms[done.alarm]
        if done.author == "system":
            continue
        yield {
            "at": text(done.scenario_at if done.scenario_at is not None else done.at),
            "kind": "act",
            "text": alarm.title,
            "fr": alarm.title_fr,
            "alarm": done.alarm,
            **{key: value for key, value in _act(done).items() if key != "at"},
        }


def _written(entry: Entry) -> dict[str, Any]:
    return {
        "at": text(micros(entry.shown_at)),
        "kind": "log",
        "entry": entry.kind.value,
        "text": entry.text,
        "author": entry.author,
        "wall": text(micros(entry.at)),
        "site": entry.site,
        "alarm": entry.alarm,
    }


def _put_in(inject: Inject) -> dict[str, Any]:
    return {
        "at": None if inject.fired_scenario is None else text(micros(inject.fired_scenario)),
        "kind": "inject",
        "inject": inject.kind,
        "text": inject.title,
        "author": inject.fired_by,
        "wall": None if inject.fired_at is None else text(micros(inject.fired_at)),
    }


def _jumped(skip: Skip) -> dict[str, Any]:
    return {"at": text(micros(skip.from_at)), "kind": "jump", "text": "", **_skip(skip)}


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
        "severity": highest_severity(one.episode),
        "category": one.category,
        "domain": one.domain,
        "site": one.place,
        "began": text(one.episode.began),
        "ended": None if one.episode.ended is None else text(one.episode.ended),
        "stale": bool(one.episode.stale),
    }


def _act(done: ActRecord) -> dict[str, Any]:
    return {
        "act": done.kind,
        "author": done.author,
        "reason": done.reason,
        "at": text(done.scenario_at if done.scenario_at is not None else done.at),
        "wall": text(done.at),
    }


def _inject(inject: Inject) -> dict[str, Any]:
    found = _put_in(inject)
    return {
        "id": inject.id,
        "kind": inject.kind,
        "title": inject.title,
        "text": inject.text,
        "sender": inject.sender,
        "expected": inject.expected,
        "planned": None if inject.planned is None else text(micros(inject.planned)),
        "state": inject.state,
        "fired": found["at"],
        "fired_by": inject.fired_by,
        "note": inject.note,
    }


def _sheet(sheet: Sheet) -> dict[str, Any]:
    return {
        "id": sheet.id,
        "inject": sheet.inject,
        "expected": sheet.expected,
        "due": None if sheet.due is None else text(micros(sheet.due)),
        "outcome": sheet.outcome,
        "seen": None if sheet.seen is None else text(micros(sheet.seen)),
        "note": sheet.note,
        "noted_by": sheet.noted_by,
    }


def _skip(skip: Skip) -> dict[str, Any]:
    return {
        "from": text(micros(skip.from_at)),
        "to": text(micros(skip.to_at)),
        "alarms": None if skip.alarms is None else list(skip.alarms),
        "author": skip.author,
    }
