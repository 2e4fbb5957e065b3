"""Facts as plain values, and from when on two sets of them differ."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypervisor.base.instants import BEGINNING
from hypervisor.evaluation.facts import Facts, SeriesFacts, SubjectFacts
from rules._inputs import Steps
from rules._rule import judged_by


@dataclass(frozen=True, kw_only=True)
class Difference:
    """From `since` (µs) on; `what` names the fact, in the reason of a transition."""

    since: int
    what: str


def of_subjects(subjects: Mapping[str, SubjectFacts]) -> dict[str, Facts]:
    """The facts of many subjects; what they share is converted once."""
    written: _Written = {}
    return {key: of_subject(subject, written) for key, subject in subjects.items()}


def of_subject(subject: SubjectFacts, written: "_Written | None" = None) -> Facts:
    """A subject's facts as they are stored: all that may change an evaluation.

    Of a supply its plans, not the thousand times at which they switch.
    """
    memo: _Written = {} if written is None else written
    return {
        "series": {name: _series(series, memo) for name, series in subject.series.items()},
        "devices": {
            name: {
                "commissioned": device.commissioned,
                "in service": _steps(device.in_service, memo),
                **({} if device.answers is None else {"answers": _steps(device.answers, memo)}),
            }
            for name, device in subject.devices.items()
        },
        "supplies": {
            name: {"plans": [list(step) for step in supply.plans], "place": list(supply.place)}
            for name, supply in subject.supplies.items()
        },
        "thresholds": {name: _steps(steps, memo) for name, steps in subject.thresholds.items()},
        "doubled": dict(subject.doubled),
        "domain": subject.domain,
        **_surroundings(subject, memo),
    }


def _surroundings(subject: SubjectFacts, memo: "_Written") -> Facts:
    """Its place, lighting plans and links from upstream, where it has any."""
    facts: dict[str, Any] = {"upstream": {}}
    if subject.calendar is not None:
        facts["calendar"] = [subject.calendar.zone, subject.calendar.lon, subject.calendar.lat]
    if subject.lighting is not None:
        facts["lighting"] = {
            "plans": [list(step) for step in subject.lighting.plans],
            "place": list(subject.lighting.place),
        }
    if subject.forecasts:
        facts["forecasts"] = {
            quantity: {
                "models": [list(mark) for mark in forecast.marks],
                "inputs": [[key.site, key.quantity] for key in forecast.inputs],
            }
            for quantity, forecast in subject.forecasts.items()
        }
    if subject.upstream:
        facts["upstream"] = {
            f"{name} of {above.site}": {
                "lag": _steps(above.lag, memo),
                "withdrawn": [] if series.withdrawn is None else _steps(series.withdrawn, memo),
            }
            for above in subject.upstream
            for name, series in above.series.items()
            if "@" not in name
        }
    return facts


def _by_steps(fixed: str | None, *names: str) -> Callable[[Any, Any], int | None]:
    """Compare step lists of those names; where `fixed` differs, all does from the beginning."""

    def compare(before: Any, now: Any) -> int | None:
        if fixed is not None and before[fixed] != now[fixed]:
            return BEGINNING
        times = (between_steps(before.get(name, []), now.get(name, [])) for name in names)
        return min((since for since in times if since is not None), default=None)

    return compare


_SERIES = _by_steps("kind", "sources", "interval", "stale after", "breaks", "withdrawn")
_DEVICE = _by_steps("commissioned", "in service", "answers")
_SUPPLY = _by_steps("place", "plans")
_LINK = _by_steps(None, "lag", "withdrawn")
_FORECAST = _by_steps("inputs", "models")


def between_subjects(before: Facts, now: Facts) -> Difference | None:
    """The earliest difference of two subjects' facts; None: they are the same."""
    differences = [
        *_between(
            *(before["thresholds"], now["thresholds"], "threshold", between_steps),
            lambda limit: between_steps([], limit),
        ),
        *_between(
            _shared_series(before, now),
            _shared_series(now, before),
            "series",
            _SERIES,
            _series_from,
        ),
        *_between(
            _with_begin(before),
            _with_begin(now),
            "device",
            _DEVICE,
            lambda device: int(device["from"]),
        ),
        *_between(before["supplies"], now["supplies"], "supply of", _SUPPLY, _fed_from),
    ]
    differences += _between_surroundings(before, now)
    for name, since in before["doubled"].items() ^ now["doubled"].items():
        differences.append(Difference(since=since, what=f"two devices that measure {name}"))
    if before["domain"] != now["domain"]:
        differences.append(Difference(since=BEGINNING, what="domain"))
    return min(differences, key=lambda difference: difference.since, default=None)


def _between_surroundings(before: Facts, now: Facts) -> list[Difference]:
    """Differences of surroundings; facts of an early version, which stored none, have none."""
    if "upstream" not in before:
        return []
    was, lit = ({"": facts["lighting"]} if "lighting" in facts else {} for facts in (before, now))
    differences = _between(was, lit, "lighting plan", _SUPPLY, _fed_from)
    came, flows = before["upstream"], now["upstream"]
    differences += _between(came, flows, "travel time of", _LINK, _series_from)
    before_models, models = before.get("forecasts", {}), now.get("forecasts", {})
    differences += _between(before_models, models, "forecast of", _FORECAST, _modelled_from)
    if before.get("calendar") != now.get("calendar"):
        differences.append(Difference(since=BEGINNING, what="place"))
    return differences


def between_steps(before: Sequence[Sequence[Any]], now: Sequence[Sequence[Any]]) -> int | None:
    """From when on two lists of [time, value…], each ascending, differ."""
    for step, other in zip(before, now, strict=False):
        if list(step) != list(other):
            return min(int(step[0]), int(other[0]))
    longer = before if len(before) > len(now) else now
    shorter = min(len(before), len(now))
    return int(longer[shorter][0]) if len(longer) > shorter else None


def between_rules(before: Sequence[Sequence[Any]], now: Sequence[Sequence[Any]]) -> int | None:
    """From when on two lists of [time, rule as written] differ in more than texts."""
    return between_steps(_drop_texts(before), _drop_texts(now))


def _drop_texts(revisions: Sequence[Sequence[Any]]) -> list[tuple[int, Any]]:
    """The revisions that evaluate differently from the one before."""
    steps: list[tuple[int, Any]] = []
    for at, written in revisions:
        value = judged_by(written)
        if not steps or value != steps[-1][1]:
            steps.append((int(at), value))
    return steps


def between_spans(before: Sequence[Sequence[int]], now: Sequence[Sequence[int]]) -> int | None:
    """From when on two lists of disjoint spans [from, to], ascending, differ."""
    edges = (
        [edge for since, until in spans for edge in ((since, 1), (until, 0))]
        for spans in (before, now)
    )
    return between_steps(*edges)


_Pairs = list[list[float | int | None]]
_Written = dict[int, tuple[Steps, _Pairs]]  # by identity, of steps that are held meanwhile


def _series(series: SeriesFacts, written: _Written) -> dict[str, Any]:
    return {
        "sources": [[source.since, source.id] for source in series.sources],
        "kind": [
            series.quantity.kind.value,
            series.reporting.value,
            series.quantity.nonnegative,
        ],
        "interval": _steps(series.interval, written),
        "stale after": _steps(series.stale_after, written),
        "breaks": [[at] for at in series.breaks],
        "withdrawn": [] if series.withdrawn is None else _steps(series.withdrawn, written),
    }


def _steps(steps: Steps, written: _Written) -> _Pairs:
    if id(steps) not in written:
        pairs: _Pairs = [
            [int(at), None if math.isnan(value) else float(value)]
            for at, value in zip(steps.at.tolist(), steps.value.tolist(), strict=True)
        ]
        written[id(steps)] = steps, pairs
    return written[id(steps)][1]


def _between(
    before: Mapping[str, Any],
    now: Mapping[str, Any],
    what: str,
    compare: Callable[[Any, Any], int | None],
    begins: Callable[[Any], int | None],
) -> list[Difference]:
    """`begins`: from when on a fact that is new, or gone, matters."""
    differences = []
    for name in sorted(before.keys() | now.keys()):
        if name in before and name in now:
            since = None if before[name] == now[name] else compare(before[name], now[name])
        else:
            since = begins(now[name] if name in now else before[name])
        if since is not None:
            differences.append(Difference(since=since, what=f"{what} {name}".rstrip()))
    return differences


def _series_from(series: Any) -> int | None:
    """From when on a group's member belongs to it; None: never."""
    withdrawn = series["withdrawn"]
    if not withdrawn or int(withdrawn[0][0]) > BEGINNING:
        return BEGINNING
    return next((int(at) for at, value in withdrawn if value != 1.0), None)


def _modelled_from(forecast: Any) -> int | None:
    """From when on a series has a model; None: never."""
    return next((int(at) for at, mark in forecast["models"] if mark is not None), None)


def _shared_series(facts: Facts, others: Facts) -> Facts:
    """The series, without signs of life of devices that the other facts lack."""
    return {
        name: series
        for name, series in facts["series"].items()
        if "@" not in name or name.partition("@")[2] in others["devices"]
    }


def _with_begin(facts: Facts) -> Facts:
    """The devices, each with the time before which nothing was expected of it.

    That is when it was commissioned, or became a member of the group.
    """
    since_by_device: dict[str, int] = {}
    for name, series in facts["series"].items():
        since = _series_from(series)
        if "@" in name and since is not None:
            device = name.partition("@")[2]
            since_by_device[device] = min(since, since_by_device.get(device, since))
    return {
        name: {**device, "from": max(device["commissioned"], since_by_device.get(name, BEGINNING))}
        for name, device in facts["devices"].items()
    }


def _fed_from(supply: Any) -> int | None:
    return next((int(at) for at, plan in supply["plans"] if plan is not None), None)
