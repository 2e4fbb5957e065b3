"""What was judged -> journal, alarms and transitions, as they must now be written."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hypervisor.store import alarms, judgement
from hypervisor.store.alarms import Alarm, Transition
from hypervisor.store.connect import Connection
from hypervisor.store.judgement import Pair
from hypervisor.watch.judging import Judged
from hypervisor.watch.memory import Memory, Standing
from hypervisor.watch.telling import last_value, told
from rules._inputs import NEVER
from rules._journal import Moment, Phase
from rules._log import episodes
from rules._reconcile import Change, Recorded, reconcile


@dataclass(kw_only=True)
class Findings:
    """What one batch makes of journal and alarms; written at the end of its transaction."""

    now: int  # when we notice
    erase: dict[Pair, int] = field(default_factory=dict)
    moments: list[tuple[Pair, tuple[Moment, ...]]] = field(default_factory=list)
    changes: list[tuple[Judged, Change, str]] = field(default_factory=list)
    values: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    judged: int = 0


def gather(
    memory: Memory, judged: Iterable[Judged], newest: Mapping[Pair, int], now: int
) -> Findings:
    """Compare each judgement with what is recorded; `memory` takes the new journal.

    `newest`: how far each pair's readings had come before the batch.
    """
    findings = Findings(now=now)
    for one in judged:
        findings.judged += 1
        standing = memory.standings[one.pair]
        why, standing.why, standing.due = standing.why, "", one.verdict.due
        if one.verdict.moments == one.replaced:
            _refresh(standing, one, findings, memory)
            continue
        if one.replaced:
            findings.erase[one.pair] = one.start
        findings.moments.append((one.pair, one.verdict.moments))
        journal = [*one.kept, *one.verdict.moments]
        before = newest.get(one.pair, NEVER)
        seen = max(before, one.replaced[-1].time if one.replaced else NEVER)
        found = episodes(one.pair[0], one.pair[1], journal)
        recorded = [Recorded(identity=a.id, episode=a.episode) for a in standing.alarms]
        changes = reconcile(recorded, found, judged=seen) if found or recorded else []
        findings.changes += [(one, change, why) for change in changes]
        standing.open = _from_last_inactive(journal)
        if not changes:
            _settle(standing)
        _refresh(standing, one, findings, memory)
    return findings


def write(
    connection: Connection, memory: Memory, findings: Findings
) -> tuple[list[Alarm], list[Transition]]:
    """Write the findings in the caller's transaction; `memory` takes the alarms."""
    if not (findings.moments or findings.values):
        return [], []
    judgement.rewrite_journal(connection, findings.erase, findings.moments)
    new = sum(change.identity is None for _, change, _ in findings.changes)
    identities = iter(alarms.new_ids(connection, new) if new else [])
    changed: dict[int, Alarm] = {}
    transitions: list[Transition] = []
    for one, change, why in findings.changes:
        standing = memory.standings[one.pair]
        before = next((a for a in standing.alarms if a.id == change.identity), None)
        alarm = _alarm(memory, one, change, before, now=findings.now, identities=identities)
        changed[alarm.id] = alarm
        transitions += told(alarm, before, change, why=why, now=findings.now)
        standing.alarms = [a for a in standing.alarms if a.id != alarm.id]
        if alarm.withdrawn is None:
            standing.alarms.append(alarm)
    for pair in {one.pair for one, _, _ in findings.changes}:
        _settle(memory.standings[pair])
    alarms.save(connection, changed.values(), transitions)
    alarms.save_last_values(
        connection, {k: v for k, v in findings.values.items() if k not in changed}
    )
    return list(changed.values()), transitions


def _alarm(  # noqa: PLR0913
    memory: Memory,
    one: Judged,
    change: Change,
    before: Alarm | None,
    *,
    now: int,
    identities: Iterator[int],
) -> Alarm:
    """The alarm as it now is."""
    if before is not None and change.episode is None:
        return replace(before, withdrawn=now, changed=now)
    episode = change.episode
    assert episode is not None, "a new alarm has an episode"  # noqa: S101
    value = last_value(memory.territory, one, episode.ended)
    if before is not None:
        return replace(before, episode=episode, last_value=value, changed=now)
    rule = memory.territory.rules[one.pair[0]].at(episode.began)
    site = memory.territory.sites[one.pair[1]]
    return Alarm(
        id=next(identities),
        site=site.id,
        episode=episode,
        title=rule.title.replace("{site}", site.title),
        advice=rule.advice,
        last_value=value,
        withdrawn=None,
        noticed=now,
        changed=now,
    )


def _refresh(standing: Standing, one: Judged, findings: Findings, memory: Memory) -> None:
    """An open alarm says what its series say now, though nothing else changed."""
    for alarm in standing.alarms:
        if alarm.active:
            value = last_value(memory.territory, one, None)
            if value is not None and value != alarm.last_value:
                findings.values[alarm.id] = value


def _settle(standing: Standing) -> None:
    """Keep those alarms that the journal in memory still tells."""
    first = standing.open[0] if standing.open else None
    after = first.time if first is not None and first.phase is Phase.INACTIVE else NEVER
    standing.alarms = sorted(
        (a for a in standing.alarms if a.episode.since > after), key=lambda a: a.episode.began
    )


def _from_last_inactive(journal: list[Moment]) -> list[Moment]:
    last = max((i for i, one in enumerate(journal) if one.phase is Phase.INACTIVE), default=0)
    return journal[last:]
