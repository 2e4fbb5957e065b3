"""Stored records of gauges, with the rules and thresholds that use them."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import numpy as np

from hypervisor.base.errors import RulebookError, UnknownError
from hypervisor.base.instants import BEGINNING, micros
from hypervisor.database.connect import Connection
from hypervisor.evaluation.facts import SeriesFacts, SubjectFacts
from hypervisor.evaluation.subjects import build_subjects
from hypervisor.readings import queries_history
from hypervisor.registry import queries as registry_queries
from hypervisor.registry import queries_revisions
from hypervisor.registry.model import Registry
from hypervisor.rulebook.gauge_statistics import Record, make_record
from hypervisor.rulebook.proposal import Proposal, ProposalOptions, propose
from rules._errors import RuleError
from rules._inputs import Steps
from rules._pack import rule_from_json
from rules._rule import Rule
from sensors._domain import Catalogue
from sensors._nearest import did_you_mean
from sensors._quantity import Kind
from sensors._row import believed

_FEW = 100  # readings that a proposal needs


def list_proposals(  # noqa: PLR0913  what a person may say
    connection: Connection,
    name: str,
    *,
    catalogue: Catalogue,
    wishes: ProposalOptions,
    first: datetime | None = None,
    last: datetime | None = None,
) -> list[Proposal]:
    """A proposal for each quantity of a site, or of one device, that has thresholds.

    Raises:
        UnknownError: no such site or device.
        RulebookError: no measurements there that has thresholds.
    """
    registry = registry_queries.load(connection)
    site, only = _find_owner(registry, name)
    facts = build_subjects(registry, catalogue)[site]
    rules = _load_rules(connection)
    results = [
        propose(
            site,
            record,
            facts.series[quantity].quantity,
            standing=_thresholds_in_force(facts),
            rules=rules,
            catalogue=catalogue,
            wishes=wishes,
        )
        for quantity, record in _load_records(
            connection, registry, facts, catalogue, only, (first, last)
        )
    ]
    if not results:
        raise RulebookError(
            f"{name} has no {_FEW} good readings of a quantity that has thresholds"
            f" ({', '.join(sorted(_quantities(catalogue)))}) in this time"
        )
    return results


def _find_owner(registry: Registry, name: str) -> tuple[str, str | None]:
    if name in registry.sites:
        return name, None
    if name in registry.devices:
        return registry.devices[name].site, name
    near = did_you_mean(name, [*registry.sites, *registry.devices])
    raise UnknownError(f"no site or device {name!r}{near if 'did you mean' in near else ''}")


def _quantities(catalogue: Catalogue) -> set[str]:
    """Gauge quantities with ascending thresholds."""
    some = {threshold.quantity for threshold in catalogue.thresholds.values() if threshold.above}
    return {name for name in some if catalogue.quantities[name].kind is Kind.GAUGE}


def _load_records(  # noqa: PLR0913, PLR0917  where and when
    connection: Connection,
    registry: Registry,
    facts: SubjectFacts,
    catalogue: Catalogue,
    only: str | None,
    limits: tuple[datetime | None, datetime | None],
) -> Iterator[tuple[str, Record]]:
    since = _since_datum(registry, facts.key)
    for quantity in sorted(_quantities(catalogue) & facts.series.keys()):
        series = facts.series[quantity]
        record = _load_record(
            connection, series, only, limits, since if quantity == "level" else None
        )
        if record is not None:
            yield quantity, record


def _since_datum(registry: Registry, site: str) -> int | None:
    """Start of the current datum: earlier levels are not comparable."""
    moved = [
        revision
        for revision in registry.revisions
        if (revision.kind, revision.key) == ("datum", site)
    ]
    return micros(moved[-1].effective) if len(moved) > 1 else None


def _load_record(
    connection: Connection,
    series: SeriesFacts,
    only: str | None,
    limits: tuple[datetime | None, datetime | None],
    since: int | None,
) -> Record | None:
    spans: list[tuple[int, int, int | None]] = []
    ends = [*(source.since for source in series.sources[1:]), None]
    for source, end in zip(series.sources, ends, strict=True):
        if only in (None, source.device):
            spans.append((source.id, max(source.since, BEGINNING), end))
    rows = queries_history.read_spans(connection, spans)
    keep = believed(rows["value"], rows["quality"])
    low = max((micros(limits[0]) if limits[0] else BEGINNING), since or BEGINNING)
    keep &= rows["time"] >= low
    if limits[1] is not None:
        keep &= rows["time"] <= micros(limits[1])
    rows = rows[keep]
    rows = rows[np.argsort(rows["time"], kind="stable")]
    if len(rows) < _FEW:
        return None
    times, firsts = np.unique(rows["time"].astype(np.int64), return_index=True)
    return make_record(
        times,
        rows["value"].astype(np.float64)[firsts],
        interval=_last(series.interval),
        stale=_last(series.stale_after),
        step=series.quantity.resolution,
    )


def _last(steps: Steps) -> int:
    return int(steps.value[-1])


def _thresholds_in_force(facts: SubjectFacts) -> Mapping[str, float]:
    return {
        name: float(steps.value[-1])
        for name, steps in facts.thresholds.items()
        if len(steps.value) and not np.isnan(steps.value[-1])
    }


def _load_rules(connection: Connection) -> Sequence[Rule]:
    """Rules in force, without those that this version cannot parse."""
    rules: list[Rule] = []
    for recorded in queries_revisions.load_latest(connection, "rule").values():
        if recorded.value is not None:
            try:
                rules.append(rule_from_json(recorded.value))
            except RuleError:
                continue
    return rules
