"""Summary of the demonstration: alarms, score, next steps."""

import shutil
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from hypervisor.alarms.log import Alarm
from hypervisor.base.instants import moment
from hypervisor.database.connect import Connection, connect
from hypervisor.exercises import queries as store
from hypervisor.exercises import scoring
from hypervisor.exercises.demo import SCENARIO, SEED, DemoResult, Member, format_members
from hypervisor.exercises.plan import load_field
from hypervisor.exercises.playing import Outcome
from hypervisor.exercises.reading_account import Account
from hypervisor.forecast.service import issue_last, load_record, models_in_force
from hypervisor.registry import queries as registry_store
from hypervisor.registry.model import Registry
from rules._pack import packs
from rules._rule import SEVERITIES, Rule
from sensors._domain import catalogue
from simulators._player import PlayResult
from simulators._scenarios import load_scenario

WARNING, ANNOUNCED = "flood-attention-likely", "flood-level"
AHEAD = 2 * 3_600_000_000  # µs, of the warning
DETAILED = 4  # alarms listed per domain
RATES = ("rise", "flow_rise")  # thresholds that levels do not compare with


def format_story(
    shown: DemoResult, members: Sequence[Member] = (), *, complete: bool = True
) -> Iterator[str]:
    """Summary as text lines; `complete`: the scenario was played to its end."""
    with connect(shown.settings.database_url) as connection:
        yield from _format_summary(connection, shown.outcome)
        if complete:
            yield from _format_score(connection, shown.outcome)
    web = f"http://{shown.settings.web_host}:{shown.settings.web_port}"
    command = _command_name()
    here = f"{command} --data {shown.data}"
    yield ""
    yield f"Look   {web}  (the API: {web}/docs)"
    for number, line in enumerate(format_members(list(members))):
        yield f"{'       ' if number else 'as     '}{line}"
    yield f"Try    {here} alarms"
    yield f"       {here} inventory apply poyo"
    yield f"       {here} replay poyo-2024-10.csv   (any record of a flood: docs/exercises.md)"
    yield f"       {command} demo --stop" + ("" if shown.usual else f" --data {shown.data}")


def _command_name() -> str:
    """The command as the user can call it."""
    if shutil.which("hypervisor"):
        return "hypervisor"
    with suppress(ValueError):
        return str(Path(sys.argv[0]).resolve().relative_to(Path.cwd()))
    return sys.argv[0]


def _format_summary(connection: Connection, outcome: Outcome) -> Iterator[str]:
    registry = registry_store.load(connection)
    yield ""
    yield f"EXERCISE. {load_scenario(SCENARIO).title}: simulated, with illustrative thresholds."
    yield from format_account(outcome.tally, outcome.account, devices=len(registry.devices))
    yield from _format_warning(connection, registry, outcome.alarms)
    by_domain: dict[str, list[Alarm]] = defaultdict(list)
    for alarm in outcome.alarms:
        by_domain[alarm.domain].append(alarm)
    gravest_first = sorted(by_domain, key=lambda name: -sum(map(_gravity, by_domain[name])))
    for name in gravest_first:
        label = catalogue().domains[name].label_en
        yield ""
        yield from _format_domain(connection, registry, label, by_domain[name])


def _format_warning(
    connection: Connection, registry: Registry, alarms: Sequence[Alarm]
) -> Iterator[str]:
    """The first warning of a forecast, its range, and when it came about."""
    warnings = [alarm for alarm in alarms if alarm.episode.rule == WARNING]
    first = min(warnings, key=lambda alarm: alarm.episode.began, default=None)
    if first is None:
        return
    site, at = first.episode.subject, first.episode.began
    yield ""
    yield f"First warning: {moment(at):%d %b %H:%M} UTC  {first.title}"
    expected = _describe_range(connection, registry, site, at)
    crossed = [
        alarm.episode.since
        for alarm in alarms
        if alarm.episode.rule == ANNOUNCED and alarm.episode.subject == site
    ]
    if expected and crossed:
        yield f"  {expected}, crossed at {moment(min(crossed)):%H:%M}"


def _describe_range(connection: Connection, registry: Registry, site: str, at: int) -> str:
    """The range of the forecast issued at a time (µs) and the threshold; empty: none was."""
    _, model = models_in_force(registry, moment(at)).get(f"{site}/level", (None, None))
    limit = _find_threshold(registry, f"{site}/attention")
    if model is None or limit is None:
        return ""
    record = load_record(connection, registry, sites=[site], since=at - 2 * model.memory)
    issued = issue_last(model, record, at)
    if issued is None or AHEAD not in issued.horizons:
        return ""
    values = issued.values[0, issued.horizons.index(AHEAD)]
    low, high = (values[issued.levels.index(level)] for level in (0.1, 0.9))
    value, unit = limit
    return (
        f"{issued.current[0]:.2f} {unit} then; {low:.2f} to {high:.2f} {unit} (80 %) forecast for"
        f" {moment(at + AHEAD):%H:%M}; threshold {value:.2f} {unit}"
    )


def format_account(tally: PlayResult, account: Account | None, *, devices: int) -> Iterator[str]:
    """How many readings were published, and what became of them where not all are stored."""
    all_stored = account is not None and account.stored == account.published
    done = "published, stored and evaluated" if all_stored else "published"
    yield f"{tally.readings:,} readings of {devices:,} devices {done} in {tally.seconds:.0f} s."
    if account is not None and not all_stored:
        yield f"{account}. `hypervisor dead-letters list` says why."


def _format_score(connection: Connection, outcome: Outcome) -> Iterator[str]:
    """Number of expected alarms that were raised."""
    story = load_scenario(SCENARIO)
    field = load_field(connection, story)
    score = scoring.score_alarms(story, field, SEED, outcome.alarms)
    raised = len(score.verdicts) - len(score.missed)
    yield ""
    yield f"{raised} of {len(score.verdicts)} expected alarms were raised."


def _format_domain(
    connection: Connection, registry: Registry, label: str, alarms: list[Alarm]
) -> Iterator[str]:
    """The most severe alarms of a domain by start time; the others counted by rule."""
    standing = sum(alarm.active for alarm in alarms)
    yield f"{label}: {len(alarms)} alarms; {standing} active"
    rules = {rule.id: rule for pack in packs() for rule in pack.rules}
    measured = {
        alarm.id: _format_measurement(connection, registry, rules, alarm) for alarm in alarms
    }

    def weight(alarm: Alarm) -> tuple[bool, bool, int, int]:
        hazard = alarm.category == "hazard"
        return (not hazard, not measured[alarm.id], -_gravity(alarm), alarm.episode.began)

    detailed = sorted(sorted(alarms, key=weight)[:DETAILED], key=lambda alarm: alarm.episode.began)
    for alarm in detailed:
        began = f"{moment(alarm.episode.began):%d %b %H:%M} UTC"
        what = f": {measured[alarm.id]}" if measured[alarm.id] else ""
        yield f"  {began}  {alarm.title}{what}{_format_escalation(alarm)}"
    rest = Counter(alarm.episode.rule for alarm in alarms if alarm not in detailed)
    if rest:
        yield "  and " + ", ".join(f"{count} more of {rule}" for rule, count in rest.items())


def _gravity(alarm: Alarm) -> int:
    """Rank of the highest severity that it reached."""
    return max(SEVERITIES.index(severity) for _, severity in alarm.episode.severity)


def _format_measurement(
    connection: Connection, registry: Registry, rules: Mapping[str, Rule], alarm: Alarm
) -> str:
    """Reading and threshold of an alarm, if it has one of each; else empty."""
    episode = alarm.episode
    rule = rules.get(episode.rule)
    if rule is None or rule.per != "site" or len(rule.names) != 1 or len(rule.thresholds) != 1:
        return ""
    if rule.thresholds[0] in RATES:
        return ""
    reading = store.get_last_reading(connection, episode.subject, rule.names[0], episode.began)
    limit = _find_threshold(registry, f"{episode.subject}/{rule.thresholds[0]}")
    if reading is None or limit is None:
        return ""
    value, unit = limit
    return f"{reading[1]:.2f} {unit} against {value:.2f} {unit}"


def _format_escalation(alarm: Alarm) -> str:
    at, severity = max(alarm.episode.severity, key=lambda step: SEVERITIES.index(step[1]))
    if at == alarm.episode.began:
        return ""
    return f", {severity} at {moment(at):%H:%M}"


def _find_threshold(registry: Registry, key: str) -> tuple[float, str] | None:
    values = [r.value for r in registry.revisions if r.kind == "threshold" and r.key == key]
    if not values or values[-1] is None:
        return None
    return float(values[-1]["value"]), str(values[-1]["unit"])
