"""Stored records of gauges, with the rules and thresholds that use them."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from hypervisor.base.errors import RulebookError, UnknownError
from hypervisor.base.instants import BEGINNING, micros
from hypervisor.database.connect import Connection
from hypervisor.evaluation.facts import SeriesFacts
from hypervisor.evaluation.subjects import build_subjects
from hypervisor.readings import queries_history
from hypervisor.registry import queries as registry_queries
from hypervisor.registry import queries_revisions
from hypervisor.registry.model import Registry
from hypervisor.rulebook.gauge_statistics import Record, make_record
from hypervisor.rulebook.proposal import Proposal, ProposalOptions, propose
from rules._errors import RuleError
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
    options: ProposalOptions,
    first: datetime | None = None,
    last: datetime | None = None,
) -> list[Proposal]:
    """A proposal for each quantity of a site, or of one device, that has thresholds.

    UnknownError: no such site or device. RulebookError: no record there from which to propose.
    """
    registry = registry_queries.load(connection)
    if name not in registry.sites and name not in registry.devices:
        near = did_you_mean(name, [*registry.sites, *registry.devices])
        raise UnknownError("no site or device {name!r}{near}", name, near)
    site = name if name in registry.sites else registry.devices[name].site
    facts = build_subjects(registry, catalogue)[site]
    standing = {
        threshold: float(steps.value[-1])
        for threshold, steps in facts.thresholds.items()
        if len(steps.value) and not np.isnan(steps.value[-1])
    }
    ascending = {
        threshold.quantity for threshold in catalogue.thresholds.values() if threshold.above
    }
    quantities = {key for key in ascending if catalogue.quantities[key].kind is Kind.GAUGE}
    rules = _load_rules(connection)
    begins = micros(first) if first else BEGINNING
    ends = micros(last) if last else None
    proposals: list[Proposal] = []
    for quantity in sorted(quantities & facts.series.keys()):
        series = facts.series[quantity]
        since = max(begins, _datum_start(registry, site)) if quantity == "level" else begins
        device = None if name == site else name
        record = _load_record(connection, series, device, since, ends)
        if record is not None:
            proposal = propose(
                site,
                record,
                series.quantity,
                standing=standing,
                rules=rules,
                catalogue=catalogue,
                options=options,
            )
            proposals.append(proposal)
    if not proposals:
        raise RulebookError(
            "{name} has no {few} good readings of a quantity that has thresholds "
            "({quantities}) in this time",
            name,
            _FEW,
            ", ".join(sorted(quantities)),
        )
    return proposals


def _datum_start(registry: Registry, site: str) -> int:
    """Start of the current datum (µs): earlier levels are not comparable."""
    key = "datum", site
    moved = [revision for revision in registry.revisions if (revision.kind, revision.key) == key]
    return micros(moved[-1].effective) if len(moved) > 1 else BEGINNING


def _load_record(
    connection: Connection, series: SeriesFacts, device: str | None, since: int, until: int | None
) -> Record | None:
    """Good readings of a series, or of one device's part of it; None if there are too few."""
    ends = [*(source.since for source in series.sources[1:]), None]
    spans = [
        (source.id, max(source.since, BEGINNING), end)
        for source, end in zip(series.sources, ends, strict=True)
        if device in (None, source.device)
    ]
    rows = queries_history.read_spans(connection, spans)
    keep = believed(rows["value"], rows["quality"]) & (rows["time"] >= since)
    if until is not None:
        keep &= rows["time"] <= until
    rows = rows[keep]
    rows = rows[np.argsort(rows["time"], kind="stable")]
    if len(rows) < _FEW:
        return None
    times, firsts = np.unique(rows["time"].astype(np.int64), return_index=True)
    return make_record(
        times,
        rows["value"].astype(np.float64)[firsts],
        interval=int(series.interval.value[-1]),
        stale=int(series.stale_after.value[-1]),
        step=series.quantity.resolution,
    )


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
