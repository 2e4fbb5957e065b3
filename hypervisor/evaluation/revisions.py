"""Rules or facts that changed: evaluate again from where they differ.

They are compared with the stored inputs of the last evaluation, so that a change made while no
watch ran is noticed like any other.
"""

from collections.abc import Mapping
from typing import Any

from hypervisor.base.instants import BEGINNING, text
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import Connection
from hypervisor.evaluation import differences, queries
from hypervisor.evaluation.agenda import Agenda
from hypervisor.evaluation.differences import Difference
from hypervisor.evaluation.facts import SubjectFacts
from hypervisor.evaluation.memory import (
    Memory,
    Standing,
    load_standings,
    load_tails,
)
from hypervisor.evaluation.queries import Fact
from hypervisor.evaluation.schedule import EvaluationPlan
from hypervisor.evaluation.series_stats import SeriesStats
from hypervisor.evaluation.setbacks import concerns
from hypervisor.evaluation.shards import shard_of
from hypervisor.evaluation.territory import arrange
from rules._inputs import Closing
from sensors._domain import Catalogue
from sensors._row import NEVER

_Facts = Mapping[Fact, Any]
_INPUTS = 1_000  # stored at once
_BETWEEN = "\n"  # rule and subject of a closing


def revise(
    connection: Connection, memory: Memory, catalogue: Catalogue, *, changed: bool = False
) -> None:
    """Load registry and rules again, and make due what they change.

    Often they did not change: a worker was drained, an alarm was closed. `changed`: the power
    schedule did.
    """
    changed |= memory.power_schedule.extend(memory.watermark.floor, memory.gaps)
    registry = memory.registry_copy.load(connection)
    if changed or registry is not memory.registry:
        memory.registry = registry
        zone = instance_store.require(connection).timezone
        memory.territory = arrange(
            registry, catalogue, memory.power_schedule, zone=zone, shards=memory.shards
        )
        memory.facts = _territory_facts(memory)
        memory.rearranged = True
        _update_tails(connection, memory)
        _rebuild_plans(memory)
        _update_standings(connection, memory)
    settle(connection, memory)
    try_again(memory)


def try_again(memory: Memory) -> None:
    """Make due what was set aside, from where it failed: the change may have fixed it."""
    territory, before = memory.territory, {**memory.setbacks.trying, **memory.setbacks.now}
    memory.setbacks.now, memory.setbacks.trying, memory.setbacks.again = {}, {}, {}
    for pair, error in territory.failed.items():
        since = before[pair].since if pair in before else BEGINNING
        memory.setbacks.put(pair, since, error)
    retried = {pair: setback for pair, setback in before.items() if pair not in territory.failed}
    for plan in memory.plans.values() if retried else ():
        for number in range(len(plan.keys)):
            pair = plan.pair(number)
            place = territory.subjects[pair[1]].place
            sinces = [
                setback.since for key, setback in retried.items() if concerns(key, pair, place)
            ]
            if sinces:
                plan.bring_forward(number, min(sinces), "its evaluation had failed")
            if pair in retried:
                memory.setbacks.trying[pair] = retried[pair]


def settle(connection: Connection, memory: Memory) -> None:
    """Compare with the inputs of the last evaluation; the present ones are saved after the next."""
    memory.closings = {
        pair: tuple(Closing(at=at, reason=reason) for at, reason in closings)
        for pair, closings in queries.load_closings(connection).items()
        if shard_of(pair[1]) in memory.shards
    }
    now = _collect_facts(memory)
    if memory.inputs is None:
        memory.saved_inputs = queries.load_inputs(connection, memory.shards)
        memory.inputs = _with_facts_of_others(connection, memory.saved_inputs, now)
    last = memory.inputs
    changed = {key: _difference(key[1], last[key], now[key]) for key in last.keys() & now.keys()}
    _bring_forward(memory, {key: each for key, each in changed.items() if each is not None})
    _reevaluate_closed(memory, last, now)
    memory.inputs = now


def save_inputs(connection: Connection, memory: Memory) -> bool:
    """Store inputs of a finished evaluation, in the caller's transaction; whether all are stored.

    After a kill in between, those stored are not compared again: they were evaluated.
    """
    last, now = memory.saved_inputs or {}, memory.inputs or {}
    if last is now:
        return True
    changed = [key for key, value in now.items() if last.get(key) != value]
    some = {key: now[key] for key in changed[:_INPUTS]}
    gone = last.keys() - now.keys()
    queries.save_inputs(connection, some, gone)
    if len(some) == len(changed):
        memory.saved_inputs = now
    else:
        memory.saved_inputs = {key: last[key] for key in last if key not in gone} | some
    return len(some) == len(changed)


def _bring_forward(memory: Memory, changed: Mapping[Fact, Difference]) -> None:
    """Evaluate again from where an input of a rule at a subject differs."""
    if not changed:
        return
    for plan in memory.plans.values():
        for number in range(len(plan.keys)):
            rule, subject = plan.pair(number)
            keys = [("subject", subject), ("rule", rule), *([("gap", "")] if plan.silence else [])]
            keys += [("subject", other) for other in _list_read_subjects(memory, rule, subject)]
            shard = shard_of(subject)
            relevant = [changed[shard, *key] for key in keys if (shard, *key) in changed]
            since = min(relevant, key=lambda difference: difference.since, default=None)
            if since is not None:
                # kept as text: locale/fr/stored.po knows each fact
                cause = f"{since.what} revised from {text(since.since)}"
                plan.bring_forward(number, since.since, cause)


def _reevaluate_closed(memory: Memory, last: _Facts, now: _Facts) -> None:
    """Evaluate again from where somebody closed an alarm."""
    for key in {key for key in last.keys() | now.keys() if key[1] == "closing"}:
        before, after = last.get(key, []), now.get(key, [])
        since = differences.between_steps(before, after)
        rule, _, subject = key[2].partition(_BETWEEN)
        plan = memory.plans.get(rule)
        if since is not None and plan is not None and subject in plan.keys:
            cause = next((reason for at, reason in after if at == since), "")
            plan.bring_forward(plan.keys.index(subject), since, cause)


def _territory_facts(memory: Memory) -> _Facts:
    """The facts of subjects, and of those that they read, and the rules; of each shard."""
    territory = memory.territory
    keys = {(shard_of(subject), subject) for subject in territory.own}
    keys |= {
        (shard_of(subject), other)
        for rule, subject in territory.revisions
        for other in _list_read_subjects(memory, rule, subject)
        if other in territory.subjects
    }
    needed = {key: territory.subjects[key] for key in {key for _, key in keys}}
    subjects = differences.of_subjects(needed)
    facts: dict[Fact, Any] = {(shard, "subject", key): subjects[key] for shard, key in keys}
    for key, rule in territory.rules.items():
        written = [list(revision) for revision in rule.written]
        facts |= {(shard, "rule", key): written for shard in memory.shards}
    return facts


def _list_read_subjects(memory: Memory, rule: str, subject: str) -> list[str]:
    """The other sites that a rule reads at a subject: upstream, or for a forecast."""
    history, subject_facts = memory.territory.rules[rule], memory.territory.subjects[subject]
    others = [above.site for above in subject_facts.upstream] if history.afar else []
    if history.forecasts:
        forecasts = subject_facts.forecasts.values()
        others += [key.site for forecast in forecasts for key in forecast.inputs]
    return others


def _collect_facts(memory: Memory) -> _Facts:
    closings = {
        (shard_of(pair[1]), "closing", _BETWEEN.join(pair)): [
            [closing.at, closing.reason] for closing in closings
        ]
        for pair, closings in memory.closings.items()
    }
    gaps = [list(span) for span in memory.gaps]
    return {**memory.facts, **closings, **{(shard, "gap", ""): gaps for shard in memory.shards}}


def _with_facts_of_others(connection: Connection, last: _Facts, now: _Facts) -> _Facts:
    """The stored inputs, with sites of other shards as those evaluated them last.

    Only of sites that no rule here read before.
    """
    lacking = [key for key in now.keys() - last.keys() if key[1] == "subject"]
    others = {key[2] for key in lacking if shard_of(key[2]) != key[0]}
    stored = queries.load_subject_inputs(connection, others) if others else {}
    return {**last, **{key: stored[key[2]] for key in lacking if key[2] in stored}}


def _difference(kind: str, before: Any, now: Any) -> Difference | None:
    """From when on facts of a kind differ; mostly they do not."""
    if before == now or kind == "closing":
        return None
    if kind == "subject":
        return differences.between_subjects(before, now)
    between = differences.between_rules if kind == "rule" else differences.between_spans
    since = between(before, now)
    what = "rule" if kind == "rule" else "ingest gaps"
    return None if since is None else Difference(since=since, what=what)


def _update_tails(connection: Connection, memory: Memory) -> None:
    """Load series that are new, or must be kept longer than before."""
    territory = memory.territory
    memory.tails = {s: tail for s, tail in memory.tails.items() if s in territory.quantity_of}
    short = {
        series
        for series in territory.quantity_of
        if series not in memory.tails
        or memory.tails[series].keep < territory.keep(series)
        or memory.tails[series].listen < territory.listen(series)
    }
    memory.tails |= load_tails(
        connection, territory, memory.watermark.floor, only=short, budget=memory.budget
    )
    memory.budget.watch(memory.tails)


def _rebuild_plans(memory: Memory) -> None:
    """Arrange each rule's subjects in arrays; what was due stays due."""
    territory, before = memory.territory, memory.plans
    memory.stats = SeriesStats.of(memory.tails)
    subjects: dict[str, list[SubjectFacts]] = {}
    for rule, subject in territory.revisions:
        subjects.setdefault(rule, []).append(territory.subjects[subject])
    plans = {
        rule: EvaluationPlan.of(
            territory.rules[rule],
            rule_subjects,
            [[*territory.listens[rule, subject_facts.key]] for subject_facts in rule_subjects],
            memory.stats,
        )
        for rule, rule_subjects in subjects.items()
    }
    for rule, plan in plans.items():
        if rule in before:
            plan.take_over(before[rule])
    memory.agenda = Agenda.of(plans, memory.stats)


def _update_standings(connection: Connection, memory: Memory) -> None:
    """Load the standing of new pairs; one that was never evaluated is due from the beginning."""
    pairs = memory.territory.revisions.keys()
    new = [pair for pair in pairs if pair not in memory.standings]
    standings = load_standings(connection, new) if new else {}
    memory.standings = {pair: memory.standings.get(pair) or standings[pair] for pair in pairs}
    for plan in memory.plans.values():
        for number in range(len(plan.keys)):
            if plan.pair(number) in standings:
                _resume(memory, plan, number, memory.standings[plan.pair(number)])


def _resume(memory: Memory, plan: EvaluationPlan, number: int, standing: Standing) -> None:
    """Continue just after the time up to which the last commit evaluated.

    Without heartbeats there is none: then at the newest reading. A pair that was never evaluated
    begins at the beginning.
    """
    newest = int(memory.stats.newest[plan.listens[number]].max())
    if not standing.open:
        first = "" if newest == NEVER else "first evaluated on what was stored before"
        begins = plan.rule.begins(memory.territory.subjects[plan.keys[number]])
        plan.bring_forward(number, max(BEGINNING, begins), first)
        return
    until = memory.state.watermark if plan.silence else memory.state.evaluated_to
    plan.bring_forward(number, until + 1 if until > NEVER else max(newest, BEGINNING))
