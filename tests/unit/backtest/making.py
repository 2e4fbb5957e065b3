"""Alarms and judgements made by hand; times in hours of a day long ago."""

from collections.abc import Sequence

from hypervisor.backtest.events import Entry, parse_events
from hypervisor.backtest.model import Evaluation, RaisedAlarm
from rules._rule_state import Episode

HOUR = 3_600_000_000
START = 1_640_995_200_000_000  # 2022-01-01


def at(hours: float) -> int:
    return START + round(hours * HOUR)


def alarm(  # noqa: PLR0913  what an alarm is made of
    began: float,
    ended: float | None = None,
    *,
    rule: str = "flood-level",
    site: str = "pont",
    severity: str = "minor",
    worse: tuple[float, str] | None = None,
) -> RaisedAlarm:
    steps: tuple[tuple[int, str], ...] = ((at(began), severity),)
    if worse is not None:
        steps = (*steps, (at(worse[0]), worse[1]))
    return RaisedAlarm(
        episode=Episode(
            rule=rule,
            subject=site,
            since=at(began),
            began=at(began),
            ended=None if ended is None else at(ended),
            severity=steps,
            stale=(),
        ),
        place=site,
        title="high",
        category="hazard",
        domain="flood",
    )


def judged(
    *found: RaisedAlarm,
    rules: Sequence[str] = ("flood-level",),
    sites: Sequence[str] = ("pont", "moulin"),
    hours: float = 240,
    maintenance: Sequence[str] = (),
) -> Evaluation:
    ordered = sorted(found, key=lambda one: one.episode.began)
    return Evaluation(
        alarms=tuple(ordered),
        evaluated=tuple((rule, site) for rule in rules for site in sites),
        places={site: site for site in sites},
        categories={rule: "maintenance" if rule in maintenance else "hazard" for rule in rules},
        since=START,
        until=at(hours),
        rows=0,
        subjects=len(sites),
    )


def entries(text: str) -> list[Entry]:
    return parse_events(text, file="events.yaml")
