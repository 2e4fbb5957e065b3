"""Debrief of a run: events, alarms, acknowledgements, decisions."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from hypervisor.alarms import queries as alarm_store
from hypervisor.alarms import queries_acts
from hypervisor.alarms.model import ActRecord
from hypervisor.alarms.queries import Alarm, Selection, highest_severity
from hypervisor.base.instants import micros, text
from hypervisor.database import feed
from hypervisor.database.connect import Connection
from hypervisor.exercises import queries_injects, queries_runs, scoring
from hypervisor.exercises.model import Inject, Run, RunState, Sheet, Skip
from hypervisor.exercises.plan import load_field
from hypervisor.exercises.playable import load_story
from hypervisor.exercises.scoring import Verdict
from hypervisor.logbook import queries as log_queries
from hypervisor.logbook.model import EntryKind, LogEntry
from hypervisor.logbook.queries import LogFilter
from sensors._errors import TerritoryError
from simulators._field import Field
from simulators._story import SECOND, Story

DECIDED = (EntryKind.DECISION, EntryKind.CLOSURE, EntryKind.CALL, EntryKind.PROMISE)
MOST = 10_000  # log entries in a debrief


def build_debrief(connection: Connection, data: Path, run: Run) -> dict[str, Any]:
    """Debrief as plain values; times RFC 3339 in UTC, of the scenario unless stated.

    After a reset: the archived debrief.
    """
    if run.state is RunState.RESET:
        return queries_runs.load_debrief(connection, run.id) or {
            "run": _run_row(run),
            "gone": True,
        }
    alarms = _list_alarms(connection, run)
    acts = queries_acts.list_acts(connection, [alarm.id for alarm in alarms])
    entries = _list_entries(connection, run)
    injects = queries_injects.list_injects(connection, run.id)
    sheets = queries_injects.list_sheets(connection, run.id)
    skips = queries_injects.list_skips(connection, run.id)
    truths = _score(connection, data, run, alarms)
    chains = (
        [_chain_row(verdict, run, acts, entries) for verdict in truths.verdicts] if truths else []
    )
    timeline = [
        *_event_rows(truths.verdicts if truths else (), run),
        *(_raised_row(alarm) for alarm in alarms),
        *_act_rows(acts, {alarm.id: alarm for alarm in alarms}),
        *(_entry_row(entry) for entry in entries),
        *(_fired_row(inject) for inject in injects if inject.fired_scenario is not None),
        *(_jump_row(skip) for skip in skips),
    ]
    return {
        "run": _run_row(run),
        "gone": False,
        "figures": _compute_figures(alarms, acts, chains, sheets, skips),
        "chains": chains,
        "false": [_alarm_row(entry) for entry in truths.false] if truths else [],
        "timeline": sorted(timeline, key=lambda entry: entry["at"]),
        "injects": [_inject_row(inject) for inject in injects],
        "sheets": [_sheet_row(sheet) for sheet in sheets],
        "skips": [_skip_row(skip) for skip in skips],
        "commands": [
            {
                "kind": command.kind,
                "author": command.author,
                "wall": text(micros(command.asked_at)),
                "refused": command.refused,
                "details": dict(command.details),
            }
            for command in queries_runs.list_commands(connection, run.id)
        ],
    }


def archive_debrief(connection: Connection, data: Path, run: Run) -> None:
    """Archive a debrief before a reset."""
    queries_runs.save_debrief(connection, run.id, build_debrief(connection, data, run))


def _list_alarms(connection: Connection, run: Run) -> list[Alarm]:
    """Alarms that were active during the run."""
    first, last = micros(run.begins), micros(run.clock or run.begins)
    alarms = alarm_store.list_alarms(connection, Selection())
    during_run = (
        alarm
        for alarm in alarms
        if alarm.episode.began <= last and (alarm.episode.ended or last) >= first
    )
    return sorted(during_run, key=lambda alarm: (alarm.episode.began, alarm.id))


def _list_entries(connection: Connection, run: Run) -> list[LogEntry]:
    """Log entries written during the run."""
    since = run.started_at or run.asked_at
    entries = log_queries.list_entries(
        connection, LogFilter(since=since, until=run.ended_at, limit=MOST)
    )
    return sorted(entries, key=lambda entry: entry.id)


def _score(
    connection: Connection, data: Path, run: Run, alarms: Sequence[Alarm]
) -> scoring.Score | None:
    """Score of the alarms; None for a recording, or if the scenario file is gone."""
    if run.kind != "story":
        return None
    try:
        story = load_story(data, run.source)
        there = _load_field(connection, story)
        return scoring.score_alarms(story, there, int(run.parameters.get("seed", 1)), alarms)
    except TerritoryError:
        return None


_FIELDS: dict[tuple[str, int, str, datetime], Field] = {}  # by database and registry version


def _load_field(connection: Connection, story: Story) -> Field:
    """The territory of a scenario, cached per registry version."""
    key = (connection.info.dsn, feed.registry_version(connection), story.name, story.begins)
    field = _FIELDS.get(key)
    if field is None:
        _FIELDS.clear()
        field = _FIELDS[key] = load_field(connection, story)
    return field


def _chain_row(
    verdict: Verdict, run: Run, acts: Iterable[ActRecord], entries: Iterable[LogEntry]
) -> dict[str, Any]:
    """One scenario event and rule: event, alarm, acknowledgement, decisions."""
    truth = verdict.truth
    at = run.begins + timedelta(hours=truth.at)
    alarms = {alarm.id: alarm for alarm in verdict.alarms}
    first = min(verdict.alarms, key=lambda alarm: alarm.episode.began, default=None)
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
        "found": verdict.detected,
        "alarms": [_alarm_row(alarm) for alarm in verdict.alarms],
        "raised": None if first is None else text(first.episode.began),
        "acknowledged": None if answered is None else _act_row(answered),
        "decisions": [_entry_row(alarm) for alarm in decided],
        "begun": run.clock is not None and at <= run.clock,
        "over": run.clock is not None and at + timedelta(hours=truth.tolerance or 0) <= run.clock
        if truth.tolerance is not None
        else run.clock is not None and run.begins + timedelta(hours=truth.until) <= run.clock,
    }


def _compute_figures(
    alarms: Sequence[Alarm],
    acts: Sequence[ActRecord],
    chains: Sequence[Mapping[str, Any]],
    sheets: Sequence[Sheet],
    skips: Sequence[Skip],
) -> dict[str, Any]:
    """Figures; acknowledgements of skipped alarms do not count."""
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
        "found": sum(chain["found"] for chain in due),
        "sheets": len(sheets),
        "done": sum(sheet.outcome == "done" for sheet in sheets),
        "partly": sum(sheet.outcome == "partly" for sheet in sheets),
        "not": sum(sheet.outcome == "not" for sheet in sheets),
    }


def _event_rows(verdicts: Iterable[Verdict], run: Run) -> Iterator[dict[str, Any]]:
    """Timeline rows of past scenario events, each once."""
    seen = set()
    for verdict in verdicts:
        truth = verdict.truth
        at = run.begins + timedelta(hours=truth.at)
        key = (truth.what, truth.at)
        if key in seen or run.clock is None or at > run.clock:
            continue
        seen.add(key)
        yield {"at": text(micros(at)), "kind": "event", "text": truth.what, "fr": truth.what_fr}


def _raised_row(alarm: Alarm) -> dict[str, Any]:
    return {
        "at": text(alarm.episode.began),
        "kind": "alarm",
        "text": alarm.title,
        **_alarm_row(alarm),
    }


def _act_rows(acts: Iterable[ActRecord], alarms: Mapping[int, Alarm]) -> Iterator[dict[str, Any]]:
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
            **{key: value for key, value in _act_row(done).items() if key != "at"},
        }


def _entry_row(entry: LogEntry) -> dict[str, Any]:
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


def _fired_row(inject: Inject) -> dict[str, Any]:
    return {
        "at": None if inject.fired_scenario is None else text(micros(inject.fired_scenario)),
        "kind": "inject",
        "inject": inject.kind,
        "text": inject.title,
        "author": inject.fired_by,
        "wall": None if inject.fired_at is None else text(micros(inject.fired_at)),
    }


def _jump_row(skip: Skip) -> dict[str, Any]:
    return {"at": text(micros(skip.from_at)), "kind": "jump", "text": "", **_skip_row(skip)}


def _run_row(run: Run) -> dict[str, Any]:
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


def _alarm_row(alarm: Alarm) -> dict[str, Any]:
    return {
        "alarm": alarm.id,
        "rule": alarm.episode.rule,
        "title": alarm.title,
        "fr": alarm.title_fr,
        "severity": highest_severity(alarm.episode),
        "category": alarm.category,
        "domain": alarm.domain,
        "site": alarm.place,
        "began": text(alarm.episode.began),
        "ended": None if alarm.episode.ended is None else text(alarm.episode.ended),
        "stale": bool(alarm.episode.stale),
    }


def _act_row(done: ActRecord) -> dict[str, Any]:
    return {
        "act": done.kind,
        "author": done.author,
        "reason": done.reason,
        "at": text(done.scenario_at if done.scenario_at is not None else done.at),
        "wall": text(done.at),
    }


def _inject_row(inject: Inject) -> dict[str, Any]:
    fired = _fired_row(inject)
    return {
        "id": inject.id,
        "kind": inject.kind,
        "title": inject.title,
        "text": inject.text,
        "sender": inject.sender,
        "expected": inject.expected,
        "planned": None if inject.planned is None else text(micros(inject.planned)),
        "state": inject.state,
        "fired": fired["at"],
        "fired_by": inject.fired_by,
        "note": inject.note,
    }


def _sheet_row(sheet: Sheet) -> dict[str, Any]:
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


def _skip_row(skip: Skip) -> dict[str, Any]:
    return {
        "from": text(micros(skip.from_at)),
        "to": text(micros(skip.to_at)),
        "alarms": None if skip.alarms is None else list(skip.alarms),
        "author": skip.author,
    }
