"""When what rules use says something else than it did: judge again from where it differs.

Told by comparing with what is remembered of the last judgement, not by who changed it: so a change
made while no watch ran is found like any other.
"""

from collections.abc import Mapping
from typing import Any

from hypervisor.base.instants import BEGINNING, text
from hypervisor.database.connect import Connection
from hypervisor.evaluation import differences, queries
from hypervisor.evaluation.differences import Difference
from hypervisor.evaluation.facts import SubjectFacts
from hypervisor.evaluation.memory import (
    Fact,
    Memory,
    Standing,
    Territory,
    arrange,
    load_standings,
    load_tails,
    zone_of,
)
from hypervisor.evaluation.schedule import EvaluationPlan
from hypervisor.evaluation.series_stats import SeriesStats
from hypervisor.evaluation.setbacks import concerns
from hypervisor.registry import queries as registry_queries
from rules._inputs import Closing
from sensors._domain import Catalogue
from sensors._row import NEVER

_Facts = Mapping[Fact, Any]
_BETWEEN = "\n"  # rule and subject of a closing


def revise(
    connection: Connection, memory: Memory, catalogue: Catalogue, *, anew: bool = False
) -> None:
    """Read the registry and the rules again, and bring forward what they change.

    Often nothing in them changed: a worker was drained, an alarm was closed. `anew`: the supplies
    were worked out anew.
    """
    anew |= memory.power_schedule.reach(memory.watermark.floor, memory.gaps)
    registry = registry_queries.load(connection)
    if anew or registry != memory.registry:
        memory.registry = registry
        zone = zone_of(connection)
        memory.territory = arrange(registry, catalogue, memory.power_schedule, zone=zone)
        memory.facts = _territory_facts(memory.territory)
        _tails(connection, memory)
        _plans(memory)
        _standings(connection, memory)
    settle(connection, memory)
    try_again(memory)


def try_again(memory: Memory) -> None:
    """Let be evaluated what was set aside, from where it failed; a change may have mended it."""
    territory, before = memory.territory, {**memory.setbacks.trying, **memory.setbacks.now}
    memory.setbacks.now, memory.setbacks.trying, memory.setbacks.again = {}, {}, {}
    for pair, error in territory.failed.items():
        since = before[pair].since if pair in before else BEGINNING
        memory.setbacks.put(pair, since, error)
    healed = {pair: setback for pair, setback in before.items() if pair not in territory.failed}
    for plan in memory.plans.values() if healed else ():
        for number in range(len(plan.keys)):
            pair = plan.pair(number)
            place = territory.subjects[pair[1]].place
            sinces = [
                setback.since for key, setback in healed.items() if concerns(key, pair, place)
            ]
            if sinces:
                plan.bring_forward(number, min(sinces), "its evaluation had failed")
            if pair in healed:
                memory.setbacks.trying[pair] = healed[pair]


def settle(connection: Connection, memory: Memory) -> None:
    """Compare with what was last judged by; remember what is judged by from now on."""
    memory.closings = {
        pair: tuple(Closing(at=at, reason=reason) for at, reason in closings)
        for pair, closings in queries.load_closings(connection).items()
    }
    remembered_facts = queries.load_inputs(connection) if memory.inputs is None else memory.inputs
    now = _collect_facts(memory)
    changed = {
        key: _difference(key[0], remembered_facts[key], now[key])
        for key in remembered_facts.keys() & now.keys()
    }
    _bring_forward(
        memory, {key: difference for key, difference in changed.items() if difference is not None}
    )
    _close(memory, remembered_facts, now)
    queries.save_inputs(
        connection,
        {key: value for key, value in now.items() if remembered_facts.get(key) != value},
        [key for key in remembered_facts if key not in now],
    )
    memory.inputs = now


def _bring_forward(memory: Memory, changed: Mapping[tuple[str, str], Difference]) -> None:
    """Judge again from where something differs that a rule at a subject is judged by."""
    if not changed:
        return
    for plan in memory.plans.values():
        for number in range(len(plan.keys)):
            rule, subject = plan.pair(number)
            keys = [
                ("subject", subject),
                ("rule", rule),
                *([("gap", "")] if plan.silence else []),
            ]
            if plan.rule.afar:
                above = memory.territory.subjects[subject].upstream
                keys += [("subject", upstream_facts.site) for upstream_facts in above]
            relevant = [changed[key] for key in keys if key in changed]
            since = min(relevant, key=lambda difference: difference.since, default=None)
            if since is not None:
                why = f"{since.what} revised from {text(since.since)}"
                plan.bring_forward(number, since.since, why)


def _close(memory: Memory, remembered_facts: _Facts, now: _Facts) -> None:
    """Judge again from where somebody closed an alarm."""
    for key in {key for key in remembered_facts.keys() | now.keys() if key[0] == "closing"}:
        before, after = remembered_facts.get(key, []), now.get(key, [])
        since = differences.between_steps(before, after)
        rule, _, subject = key[1].partition(_BETWEEN)
        plan = memory.plans.get(rule)
        if since is not None and plan is not None and subject in plan.keys:
            why = next((reason for at, reason in after if at == since), "")
            plan.bring_forward(plan.keys.index(subject), since, why)


def _territory_facts(territory: Territory) -> _Facts:
    subjects = differences.of_subjects(territory.subjects)
    facts: dict[Fact, Any] = {("subject", key): facts for key, facts in subjects.items()}
    return facts | {
        ("rule", key): [list(revision) for revision in rule.written]
        for key, rule in territory.rules.items()
    }


def _collect_facts(memory: Memory) -> _Facts:
    facts = {
        ("closing", _BETWEEN.join(pair)): [[closing.at, closing.reason] for closing in closings]
        for pair, closings in memory.closings.items()
    }
    return {**memory.facts, **facts, ("gap", ""): [list(span) for span in memory.gaps]}


def _difference(kind: str, before: Any, now: Any) -> Difference | None:
    """From when on facts of a kind say something else; the common case is that they do not."""
    if before == now or kind == "closing":
        return None
    if kind == "subject":
        return differences.between_subjects(before, now)
    between = differences.between_rules if kind == "rule" else differences.between_spans
    since = between(before, now)
    what = "rule" if kind == "rule" else "our deafness"
    return None if since is None else Difference(since=since, what=what)


def _tails(connection: Connection, memory: Memory) -> None:
    """Read the series that are new, or must be kept longer than they were."""
    territory = memory.territory
    keys_view = territory.quantity_of.keys()
    short = {
        series
        for series in keys_view
        if series not in memory.tails or memory.tails[series].keep < territory.keep(series)
    }
    memory.tails = {key: tail for key, tail in memory.tails.items() if key in keys_view}
    memory.tails |= load_tails(connection, territory, memory.watermark.floor, only=short)


def _plans(memory: Memory) -> None:
    """Arrange every rule's subjects in arrays; what was due stays due."""
    territory, before = memory.territory, memory.plans
    memory.stats = SeriesStats.of(memory.tails)
    subjects: dict[str, list[SubjectFacts]] = {}
    for rule, subject in territory.revisions:
        subjects.setdefault(rule, []).append(territory.subjects[subject])
    memory.plans = {
        rule: EvaluationPlan.of(
            territory.rules[rule],
            rule_subjects,
            [[*territory.listens[rule, subject_facts.key]] for subject_facts in rule_subjects],
            memory.stats,
        )
        for rule, rule_subjects in subjects.items()
    }
    for rule, plan in memory.plans.items():
        if rule in before:
            plan.take_over(before[rule])


def _standings(connection: Connection, memory: Memory) -> None:
    """Stand where the journal says; a judgement that never was begins at the beginning."""
    pairs = memory.territory.revisions.keys()
    new = [pair for pair in pairs if pair not in memory.standings]
    standings = load_standings(connection, new) if new else {}
    memory.standings = {pair: memory.standings.get(pair) or standings[pair] for pair in pairs}
    unknown = set(new)
    for plan in memory.plans.values():
        for number in range(len(plan.keys)):
            if plan.pair(number) in unknown:
                _resume(memory, plan, number, memory.standings[plan.pair(number)])


def _resume(memory: Memory, plan: EvaluationPlan, number: int, standing: Standing) -> None:
    """Go on just after the time judged up to at the last commit.

    Without heartbeats no such time is known; then at the newest reading. Where nothing was ever
    judged, at the beginning.
    """
    newest = int(memory.stats.newest[plan.listens[number]].max())
    if not standing.open:
        first = "" if newest == NEVER else "first judged on what was stored before"
        plan.bring_forward(number, BEGINNING, first)
        return
    judged = memory.state.heard_to if plan.silence else memory.state.judged_to
    plan.bring_forward(number, judged + 1 if judged > NEVER else max(newest, BEGINNING))
