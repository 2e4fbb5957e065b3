"""What the demonstration tells at its end: what happened, where to look, what to try."""

from collections import Counter
from collections.abc import Iterator

from hypervisor.demo import SCENARIO, Shown
from hypervisor.exercise import Outcome
from hypervisor.instants import moment
from hypervisor.registry.model import Registry
from hypervisor.store import exercise as store
from hypervisor.store import registry as registry_store
from hypervisor.store.alarms import Alarm
from hypervisor.store.connect import Connection, connect
from rules._pack import packs
from rules._rule import Rule
from simulators._simulator import scenario

DETAILED = 4


def story(shown: Shown) -> Iterator[str]:
    """Line by line, for a person."""
    with connect(shown.settings.database_url) as connection:
        yield from _happened(connection, shown.outcome)
    web = f"http://{shown.settings.web_host}:{shown.settings.web_port}"
    here = f"hypervisor --data {shown.data}"
    yield ""
    yield f"Look   {web}  (the API: {web}/docs)"
    yield f"Try    {here} alarms"
    yield f"       {here} inventory apply poyo"
    yield f"       {here} replay poyo-2024-10.csv   (any record of a flood: docs/exercises.md)"
    yield "       hypervisor demo --stop" + ("" if shown.usual else f" --data {shown.data}")


def _happened(connection: Connection, outcome: Outcome) -> Iterator[str]:
    registry = registry_store.load(connection)
    rules = {rule.id: rule for pack in packs() for rule in pack.rules}
    tally = outcome.tally
    yield ""
    yield f"EXERCISE. {scenario(SCENARIO)[1].title}: simulated, the thresholds illustrative."
    yield (
        f"{tally.readings:,} readings of {len(registry.devices)} gauges went through the broker"
        f" in {tally.seconds:.0f} s, were stored and judged."
    )
    alarms = [alarm for alarm in outcome.alarms if alarm.episode.rule.startswith("flood")]
    for alarm in alarms[:DETAILED]:
        yield f"  {_line(connection, registry, rules.get(alarm.episode.rule), alarm)}"
    more = Counter(alarm.episode.rule for alarm in alarms[DETAILED:])
    if more:
        yield "  and then " + ", ".join(f"{count} x {rule}" for rule, count in more.items())
    standing = sum(alarm.active for alarm in alarms)
    yield f"{len(alarms)} flood alarms in all; {standing} still stand."


def _line(connection: Connection, registry: Registry, rule: Rule | None, alarm: Alarm) -> str:
    """When, what, where; and where one threshold says it, what level against which."""
    episode = alarm.episode
    line = f"{moment(episode.began):%d %b %H:%M} UTC  {alarm.title}"
    if rule is None or len(rule.names) != 1 or len(rule.thresholds) != 1:
        return line
    found = store.last_reading(connection, episode.subject, rule.names[0], episode.began)
    limit = _threshold(registry, f"{episode.subject}/{rule.thresholds[0]}")
    if found is None or limit is None:
        return line
    value, unit = limit
    return f"{line}: {found[1]:.2f} {unit} against {value:.2f} {unit} ({rule.thresholds[0]})"


def _threshold(registry: Registry, key: str) -> tuple[float, str] | None:
    found = [r.value for r in registry.revisions if r.kind == "threshold" and r.key == key]
    if not found or found[-1] is None:
        return None
    return float(found[-1]["value"]), str(found[-1]["unit"])
