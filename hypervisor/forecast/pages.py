"""Forecast skill: how far a forecast can be trusted, of the territory and of a gauge."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from hypervisor.access.context import Context
from hypervisor.base.reader import reading
from hypervisor.base.translation import mark
from hypervisor.forecast import views_skill as view
from hypervisor.forecast.queries_skill import Unfitted
from hypervisor.web.budget import WORK, costs
from hypervisor.web.page import Page
from hypervisor.web.rendering import reader_of, render

router = APIRouter(prefix="/forecasts")
PAGE = Page(
    key="forecasts",
    title=mark("Forecast skill"),
    address="/forecasts",
    order=42,
    shortcut="p",
    also=("/expert-forecasts",),
)


@router.get("")
def show_territory(context: Context, request: Request) -> Response:
    """Every gauge: what is shown, what that was worth, or why nothing is."""
    with reading(reader_of(context, request)):
        territory = view.build_territory(context)
    return render(context, "forecasts.html", territory=territory)


@router.get("/{site}")
@costs(WORK)
def show_gauge(  # noqa: PLR0913  the gauge, and how it is looked at
    context: Context,
    request: Request,
    site: str,
    *,
    quantity: Annotated[str, Query(max_length=100)] = "",
    horizon: Annotated[int | None, Query(ge=1, le=10_000_000)] = None,
    show: view.Kind = "all",
) -> Response:
    """A gauge by horizon, and the events behind each number."""
    with reading(reader_of(context, request)):
        sheet = view.build_sheet(context, site, quantity=quantity, seconds=horizon)
    if isinstance(sheet, Unfitted):
        return render(context, "forecast_unfitted.html", gauge=sheet)
    return render(context, "forecast_gauge.html", sheet=sheet, show=show, view=view)
