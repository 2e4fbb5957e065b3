"""Forecasts of others as lines of a table: of what, by whom, from when, and how high they rise."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hypervisor.access.context import RequestContext
from hypervisor.charts.words import display_unit, quantity_label
from hypervisor.forecast.queries_experts import ExpertRow
from hypervisor.forecast.service_experts import find_crest
from hypervisor.registry import queries_site


@dataclass(frozen=True, kw_only=True)
class ExpertLine:
    """`crest`: of the middle course or the single run; `highest`: of the one exceeded once in ten.

    Both (when, value); None: it has no such course.
    """

    row: ExpertRow
    title: str
    quantity: str
    unit: str
    crest: tuple[datetime, float] | None
    highest: tuple[datetime, float] | None


def build_lines(context: RequestContext, rows: Sequence[ExpertRow]) -> list[ExpertLine]:
    """A line for each."""
    sites = queries_site.load_sites(context.connection, sorted({row.site for row in rows}))
    quantities = context.catalogue.quantities
    return [
        ExpertLine(
            row=row,
            title=sites[row.site].title if row.site in sites else row.site,
            quantity=quantity_label(quantities[row.quantity], row.quantity),
            unit=display_unit(quantities[row.quantity].unit),
            crest=find_crest(row, 0.5),
            highest=find_crest(row, 0.9),
        )
        for row in rows
    ]
