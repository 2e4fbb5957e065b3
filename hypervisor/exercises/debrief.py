"""Debrief of a run: events, alarms, acknowledgements, decisions."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from pydantic_core import to_jsonable_python

from hypervisor.alarms import queries as alarm_store
from hypervisor.alarms import queries_acts
from hypervisor.alarms.log import Alarm, highest_severity
from hypervisor.alarms.model import ActRecord
from hypervisor.alarms.queries import Selection
from hypervisor.base.instants import micros, moment, moment_if
from hypervisor.database import feed
from hypervisor.database.connect import Connection
from hypervisor.exercises import queries_injects, queries_runs, scoring
from hypervisor.exercises.model import ChecklistItem, Inject, Run, RunState, Skip
from hypervisor.exercises.plan import load_field
from hypervisor.exercises.playable import load_story
from hypervisor.exercises.scoring import Score, Verdict
from hypervisor.interventions import queries as order_queries
from hypervisor.logbook import queries as log_queries
from hypervisor.logbook.model import EntryKind, LogEntry
from hypervisor.logbook.queries import LogFilter
from sensors._errors import TerritoryError
from simulators._field import Field
from simulators._simulation import list_failing_actuators
from simulators._story import SECOND, Story

DECIDED = (EntryKind.DECISION, EntryKind.CLOSURE, EntryKind.CALL, EntryKind.PROMISE)
MOST = 10_000  # log entries in a debrief
RUN = {
    *("id", "kind", "source", "title", "title_fr", "state", "begins", "ends", "clock", "author"),
    *("started_at", "ended_at", "readings"),
}
INJECT = {
    *("id", "kind", "title", "text", "sender", "expected", "planned", "state", "fired_by", "note")
}
CHECKLIST_KEYS = {"id", "inject", "expected", "due", "outcome", "seen", "note", "noted_by"}


def build_debrief(connection: Connection, data: Path, run: Run) -> dict[str, Any]:
    """Debrief as JSON; times RFC 3339 in UTC, of the scenario unless stated.

    After a reset: the archived debrief.
    """
    if run.state is RunState.RESET:
        kept = queries_runs.load_debrief(connection, run.id)
        return kept or _jsonable({"run": _run_row(run), "gone": True})
    alarms = _list_alarms(connection, run)
    acts = queries_acts.list_acts(connection, [alarm.id for alarm in alarms])
    entries = _list_entries(connection, run)
    injects = queries_injects.list_injects(connection, run.id)
    checklist = queries_injects.list_checklist(connection, run.id)
    skips = queries_injects.list_skips(connection, run.id)
    score = _score(connection, data, run, alarms) or Score(verdicts=(), false=())
    chains = [_chain_row(verdict, run, acts, entries) for verdict in score.verdicts]
    timeline = [
        *_event_rows(chains),
        *(
            {"at": row["began"], "kind": "alarm", "text": row["title"], **row}
            for row in map(_alarm_row, alarms)
        ),
        *_act_rows(acts, {alarm.id: alarm for alarm in alarms}),
        *map(_entry_row, entries),
        *_order_rows(connection, run),
        *(_fired_row(inject) for inject in injects if inject.fired_scenario is not None),
        *({"at": skip.from_at, "kind": "jump", "text": "", **_skip_row(skip)} for skip in skips),
    ]
    return _jsonable(
        {
            "run": _run_row(run),
            "gone": False,
            "figures": _compute_figures(alarms, acts, chains, checklist, skips),
            "chains": chains,
            "false": [_alarm_row(alarm) for alarm in score.false],
            "actuators": _list_failing(connection, data, run),
            "timeline": sorted(timeline, key=lambda entry: entry["at"]),
            "injects": [
                {**inject.model_dump(include=INJECT), "fired": inject.fired_scenario}
                for inject in injects
            ],
            "sheets": [item.model_dump(include=CHECKLIST_KEYS) for item in checklist],
            "skips": [_skip_row(skip) for skip in skips],
            "commands": [
                {
                    **command.model_dump(include={"kind", "author", "refused", "details"}),
                    "wall": command.requested_at,
                }
                for command in queries_runs.list_commands(connection, run.id)
            ],
        }
    )


def _jsonable(debrief: dict[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = to_jsonable_python(debrief)
    return plain


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
    since = run.started_at or run.requested_at
    entries = log_queries.list_entries(
        connection, LogFilter(since=since, until=run.ended_at, limit=MOST)
    )
    return sorted(entries, key=lambda entry: entry.id)


def _score(connection: Connection, data: Path, run: Run, alarms: Sequence[Alarm]) -> Score | None:
    """Score of the alarms; None for a recording, or if the scenario file is gone."""
    if run.kind != "story":
        return None
    try:
        story = load_story(data, run.source)
        there = _load_field(connection, story)
        return scoring.score_alarms(story, there, int(run.parameters.get("seed", 1)), alarms)
    except TerritoryError:
        return None


def _list_failing(connection: Connection, data: Path, run: Run) -> list[dict[str, Any]]:
    """The actuators that do not obey, those of the scenario first; none of a recording."""
    if run.kind != "story":
        return []
    try:
        story = load_story(data, run.source)
        there = _load_field(connection, story)
        failing = list_failing_actuators(story, there, int(run.parameters.get("seed", 1)))
    except TerritoryError:
        return []
    return [
        {
            "device": each.device,
            "failure": each.failure.value,
            "begins": moment_if(each.begins),
            "ends": moment_if(each.ends),
        }
        for each in sorted(failing, key=lambda each: (each.begins is None, each.device))
    ]


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
    truth, clock = verdict.truth, run.clock
    at = run.begins + timedelta(hours=truth.at)
    until = run.begins + timedelta(hours=truth.until)
    last = until if truth.tolerance is None else at + timedelta(hours=truth.tolerance)
    alarms = {alarm.id: alarm for alarm in verdict.alarms}
    places = {alarm.place for alarm in verdict.alarms if alarm.place}
    return {
        "what": truth.what,
        "what_fr": truth.what_fr,
        "rule": verdict.rule,
        "at": at,
        "until": until,
        "found": verdict.detected,
        "alarms": [_alarm_row(alarm) for alarm in verdict.alarms],
        "raised": min((moment(alarm.episode.began) for alarm in verdict.alarms), default=None),
        "acknowledged": next(
            (_act_row(act) for act in acts if act.alarm in alarms and act.kind == "acknowledge"),
            None,
        ),
        "decisions": [
            _entry_row(entry)
            for entry in entries
            if entry.kind in DECIDED and (entry.alarm in alarms or entry.site in places)
        ],
        "begun": clock is not None and at <= clock,
        "over": clock is not None and last <= clock,
    }


def _compute_figures(
    alarms: Sequence[Alarm],
    acts: Sequence[ActRecord],
    chains: Sequence[Mapping[str, Any]],
    checklist: Sequence[ChecklistItem],
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
        "sheets": len(checklist),
        "done": sum(item.outcome == "done" for item in checklist),
        "partly": sum(item.outcome == "partly" for item in checklist),
        "not": sum(item.outcome == "not" for item in checklist),
    }


def _event_rows(chains: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Timeline rows of past scenario events, each once."""
    past = {(chain["what"], chain["at"]): chain for chain in chains if chain["begun"]}
    for (what, at), chain in past.items():
        yield {"at": at, "kind": "event", "text": what, "fr": chain["what_fr"]}


def _act_rows(acts: Iterable[ActRecord], alarms: Mapping[int, Alarm]) -> Iterator[dict[str, Any]]:
    for act in acts:
        if act.author != "system":
            yield {
                **_act_row(act),
                "kind": "act",
                "text": alarms[act.alarm].title,
                "fr": alarms[act.alarm].title_fr,
                "alarm": act.alarm,
            }


def _entry_row(entry: LogEntry) -> dict[str, Any]:
    return {
        "at": entry.shown_at,
        "kind": "log",
        "entry": entry.kind,
        "text": entry.text,
        "author": entry.author,
        "wall": entry.at,
        "site": entry.site,
        "alarm": entry.alarm,
    }


def _order_rows(connection: Connection, run: Run) -> Iterator[dict[str, Any]]:
    """What was done on work orders during the run."""
    since = run.started_at or run.requested_at
    for order, event in order_queries.list_done_between(connection, since, run.ended_at):
        yield {
            "at": event.scenario_at or event.at,
            "kind": "order",
            "order": order.id,
            "act": event.act,
            "state": event.state,
            "team": event.team,
            "text": order.title,
            "reason": event.text,
            "author": event.author,
            "wall": event.at,
            "noted": event.noted_at,
            "site": order.site,
            "alarm": order.alarm,
        }


def _fired_row(inject: Inject) -> dict[str, Any]:
    return {
        "at": inject.fired_scenario,
        "kind": "inject",
        "inject": inject.kind,
        "text": inject.title,
        "author": inject.fired_by,
        "wall": inject.fired_at,
    }


def _run_row(run: Run) -> dict[str, Any]:
    return {**run.model_dump(include=RUN), "parameters": run.parameters}


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
        "began": moment(alarm.episode.began),
        "ended": moment_if(alarm.episode.ended),
        "stale": bool(alarm.episode.stale),
    }


def _act_row(act: ActRecord) -> dict[str, Any]:
    return {
        "act": act.kind,
        "author": act.author,
        "reason": act.reason,
        "at": moment(act.time),
        "wall": moment(act.at),
    }


def _skip_row(skip: Skip) -> dict[str, Any]:
    return {"from": skip.from_at, "to": skip.to_at, "alarms": skip.alarms, "author": skip.author}
