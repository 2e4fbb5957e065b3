"""Forecasts of a site as they were issued: ours, and those of others."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from hypervisor.access.context import Context, RequestContext
from hypervisor.base.errors import NotFoundError
from hypervisor.base.instance import Mode
from hypervisor.forecast import queries_experts, queries_issued
from hypervisor.forecast.queries_experts import StandingExpert
from hypervisor.forecast.queries_issued import IssuedForecast, Selection
from hypervisor.forecast.service_experts import summarize
from hypervisor.readings import queries_latest
from hypervisor.registry import queries_site
from hypervisor.web.problems import responses
from hypervisor.web.schemas import Body
from hypervisor.web.times import Instant
from sensors._nearest import did_you_mean

router = APIRouter(prefix="/sites", tags=["sites"])
_BACK = timedelta(days=1)  # an older forecast says nothing of its time


class ModelBody(BaseModel):
    """The model that issued a forecast: a revision."""

    revision: int
    effective: datetime
    author: str = Field(examples=["m.durand"])
    tier: str | None = Field(
        description="Which of its inputs were there; null: nothing is issued any more.",
        examples=["upstream"],
    )


class HorizonBody(BaseModel):
    """One horizon: `quantiles` by probability, null where none was issued."""

    horizon_s: int = Field(examples=[7200])
    at: datetime
    quantiles: dict[str, float | None] = Field(examples=[{"0.05": 1.1, "0.5": 1.32, "0.95": 1.6}])


class ForecastBody(BaseModel):
    """A forecast. Experimental: Vigicrues is the authority."""

    quantity: str = Field(examples=["level"])
    unit: str = Field(examples=["m"])
    issued: datetime = Field(description="The time of the reading that it starts from.")
    created_at: datetime = Field(description="When it was computed and stored.")
    value: float | None = Field(description="Measured at the issue time.", examples=[1.21])
    model: ModelBody
    horizons: list[HorizonBody]


class ExpertTimeBody(BaseModel):
    """One time of a forecast of others: `quantiles` by probability, null where it names none."""

    at: datetime
    quantiles: dict[str, float | None] = Field(examples=[{"0.1": 1.1, "0.5": 1.32, "0.9": 1.6}])


class ExpertForecastBody(BaseModel):
    """A forecast of somebody else, as issued. No rule uses it."""

    issuer: str = Field(examples=["SPC Seine moyenne"])
    model: str = Field(examples=["GRP"])
    quantity: str = Field(examples=["level"])
    unit: str = Field(examples=["m"])
    issued: datetime = Field(description="The last observation that it knows, else when made.")
    produced: datetime | None = Field(description="When it was made, where its file says so.")
    created_at: datetime = Field(description="When it was stored here.")
    comment: str
    times: list[ExpertTimeBody] = Field(
        description="Its quantiles, or those of its members; of a single run 0.5 alone, which is"
        " then no median."
    )


class ForecastsBody(Body):
    """The forecasts of a site, one a quantity; none where no model is in force."""

    site: str = Field(examples=["yvette-gif"])
    forecasts: list[ForecastBody]
    others: list[ExpertForecastBody] = Field(
        description="Forecasts of others that reach beyond that time, the newest of each issuer"
        " and model."
    )


@router.get("/{name}/forecasts", responses=responses(404))
def list_forecasts(
    context: Context,
    name: str,
    *,
    issued: Annotated[
        Instant | None,
        Query(description="The forecast of the last reading up to then, as people first saw it."),
    ] = None,
    at: Annotated[
        Instant | None,
        Query(description="The forecast that stood at that time, by what was computed until then."),
    ] = None,
) -> ForecastsBody:
    """The latest forecast of each quantity, or an earlier one.

    A forecast is stored as it was issued; late readings or a new model add another to the same
    issue time, and change none.
    """
    if queries_site.load_site(context.connection, name) is None:
        names = [row.name for row in queries_latest.list_sites(context.connection)]
        raise NotFoundError("no site is named {name!r}{hint}", name, did_you_mean(name, names))
    until = issued or at or context.now()
    selection = Selection(
        since=until - _BACK, until=until, as_of=None if issued else at, first=issued is not None
    )
    every = queries_issued.list_issued(context.connection, name, selection)
    # In an exercise those of the past were stored today.
    stored_by = at if context.instance.mode is Mode.LIVE else None
    others = queries_experts.list_standing(context.connection, until, [name], stored_by=stored_by)
    return ForecastsBody(
        mode=context.mode,
        site=name,
        forecasts=[_body(forecast) for forecast in _last(every)],
        others=[_make_expert_body(context, forecast) for forecast in others],
    )


def _last(forecasts: Iterable[IssuedForecast]) -> Iterable[IssuedForecast]:
    """The last of each quantity, of those that were not withdrawn."""
    return {each.quantity: each for each in forecasts if each.tier >= 0}.values()


def _body(forecast: IssuedForecast) -> ForecastBody:
    return ForecastBody(
        quantity=forecast.quantity,
        unit=forecast.unit,
        issued=forecast.issued,
        created_at=forecast.created_at,
        value=forecast.value,
        model=ModelBody(
            revision=forecast.revision,
            effective=forecast.model_effective,
            author=forecast.model_author,
            tier=forecast.tier_name,
        ),
        horizons=[
            HorizonBody(
                horizon_s=horizon,
                at=forecast.issued + timedelta(seconds=horizon),
                quantiles={f"{level:g}": value for level, value in quantiles.items()},
            )
            for horizon, quantiles in forecast.by_horizon.items()
        ],
    )


def _make_expert_body(context: RequestContext, forecast: StandingExpert) -> ExpertForecastBody:
    courses = summarize(forecast)
    return ExpertForecastBody(
        issuer=forecast.issuer,
        model=forecast.model,
        quantity=forecast.quantity,
        unit=context.catalogue.quantities[forecast.quantity].unit,
        issued=forecast.issued,
        produced=forecast.produced,
        created_at=forecast.created_at,
        comment=forecast.comment,
        times=[
            ExpertTimeBody(
                at=at,
                quantiles={f"{n:g}": v for n, v in zip(courses.levels, row, strict=True)},
            )
            for at, row in zip(courses.times, courses.rows, strict=True)
        ],
    )
