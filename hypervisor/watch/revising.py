"""When what rules use says something else than it did: judge again from where it differs.

Told by comparing with what is remembered of the last judgement, not by who changed it: so a change
made while no watch ran is found like any other.
"""

from collections.abc import Mapping
from typing import Any

from hypervisor.instants import BEGINNING, text
from hypervisor.store import judgement
from hypervisor.store.connect import Connection
from hypervisor.watch import differences
from hypervisor.watch.differences import Difference
from hypervisor.watch.memory import Memory, Standing, fill, remembered, survey
from rules._inputs import NEVER
from sensors._domain import Catalogue

_Facts = dict[tuple[str, str], Any]


def revise(connection: Connection, memory: Memory, catalogue: Catalogue) -> None:
    """Read the registry and the rules again, and bring forward what they change."""
    memory.territory = survey(connection, catalogue)
    _tails(connection, memory)
    _standings(connection, memory)
    settle(connection, memory)


def settle(connection: Connection, memory: Memory) -> None:
    """Compare with what was last judged by; remember what is judged by from now on."""
    known, now = judgement.judged_under(connection), _facts(memory)
    for pair, standing in memory.standings.items():
        found = _earliest(known, now, pair, silence=memory.territory.rules[pair[0]].silence)
        if found is not None:
            standing.bring_forward(found.since, f"{found.what} revised from {text(found.since)}")
    judgement.save_judged_under(
        connection,
        {key: value for key, value in now.items() if known.get(key) != value},
        [key for key in known if key not in now],
    )


def _facts(memory: Memory) -> _Facts:
    territory = memory.territory
    facts: _Facts = {
        ("site", key): differences.of_site(site) for key, site in territory.sites.items()
    }
    facts |= {
        ("rule", key): [list(one) for one in rule.written] for key, rule in territory.rules.items()
    }
    facts["deaf", ""] = [list(span) for span in memory.deaf]
    return facts


def _earliest(
    known: Mapping[tuple[str, str], Any], now: _Facts, pair: tuple[str, str], *, silence: bool
) -> Difference | None:
    """The earliest difference that touches this pair; what was never judged by makes none."""
    rule, site = pair
    found: list[Difference] = []
    if ("site", site) in known:
        difference = differences.between_sites(known["site", site], now["site", site])
        found += [difference] if difference else []
    if ("rule", rule) in known:
        since = differences.between_steps(known["rule", rule], now["rule", rule])
        found += [Difference(since=since, what=f"rule {rule}")] if since is not None else []
    if silence and ("deaf", "") in known:
        since = differences.between_spans(known["deaf", ""], now["deaf", ""])
        found += [Difference(since=since, what="our deafness")] if since is not None else []
    return min(found, key=lambda one: one.since, default=None)


def _tails(connection: Connection, memory: Memory) -> None:
    """Read the series that are new, or must be kept longer than they were."""
    territory = memory.territory
    wanted = {s.id for site in territory.sites.values() for s in site.series.values()}
    short = {
        series
        for series in wanted
        if series not in memory.tails or memory.tails[series].keep < territory.keep(series)
    }
    memory.tails = {key: tail for key, tail in memory.tails.items() if key in wanted}
    memory.tails |= fill(connection, territory, memory.ears.floor, only=short)


def _standings(connection: Connection, memory: Memory) -> None:
    """Stand where the journal says; a judgement that never was begins at the beginning."""
    pairs = memory.territory.revisions.keys()
    new = [pair for pair in pairs if pair not in memory.standings]
    found = remembered(connection, new) if new else {}
    memory.standings = {pair: memory.standings.get(pair) or found[pair] for pair in pairs}
    for pair in new:
        memory.standings[pair].due = resume_at(memory, pair, memory.standings[pair])


def resume_at(memory: Memory, pair: tuple[str, str], standing: Standing) -> int:
    """Where judging goes on: just after the time judged up to at the last commit.

    Without heartbeats no such time is known; then at the newest reading.
    """
    if not standing.open:
        return BEGINNING
    if memory.territory.rules[pair[0]].silence:
        judged = memory.state.heard_to
    else:
        judged = memory.state.judged_to
    if judged > NEVER:
        return judged + 1
    newest = max(
        (memory.tails[one].newest for one in memory.territory.listens[pair]), default=NEVER
    )
    return max(newest, BEGINNING)
