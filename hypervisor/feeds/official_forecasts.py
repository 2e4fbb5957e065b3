"""Vigicrues' own forecasts: levels and discharges of its stations, with their tendencies."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec

from hypervisor.base.instants import micros, text
from hypervisor.feeds import vigicrues
from hypervisor.feeds.model import Feed, FeedError, Page, Unusable
from hypervisor.feeds.poll import Dated, PartFailures, PollContext, read_parts, require_past
from hypervisor.forecast.experts import QUANTITIES, TENDENCIES, ExpertFile, ExpertForecast
from ingest.message import Reason

FEED = Feed(
    name="forecasts",
    title="Vigicrues, forecasts",
    address=vigicrues.FEED.address,
    path=vigicrues.FEED.path,
    source=vigicrues.FEED.source,
    licence=vigicrues.FEED.licence,
    every=timedelta(minutes=15),
    of="hubeau",
)
FORECASTS = "v1.1/prevision.json"
ISSUER = "Vigicrues"
_STATION = "7"  # Sandre's type of an entity of flood vigilance
_LONGEST = timedelta(days=31)  # that a forecast reaches
_LABELS = ("min", "moy", "max")

Aware = Annotated[datetime, msgspec.Meta(tz=True)]


class Listed(Dated, frozen=True):
    """A station that has a forecast."""

    CdEntVigiCru: str
    DtProdSimul: Aware


class Point(Dated, frozen=True):
    """What is forecast for a time, in m or m³/s."""

    DtPrev: Aware
    ResMinPrev: float | None = None
    ResMoyPrev: float | None = None
    ResMaxPrev: float | None = None


class Simulation(Dated, frozen=True):
    """A station's forecast."""

    DtProdSimul: Aware
    Prevs: list[Any]
    CommentSimul: str | None = None


def poll(context: PollContext) -> Iterator[Page]:
    """The forecasts of our gauges that are new."""
    codes = {device.code for device in context.devices}
    produced: dict[str, str] = dict(context.state.cursor.get("produced", {}))
    count, failures = 0, PartFailures()
    for grandeur in QUANTITIES:
        listed, unusable = ask_list(context, grandeur)
        yield Page(unusable=unusable)
        own = {each.CdEntVigiCru: each.DtProdSimul for each in listed if each.CdEntVigiCru in codes}
        count += len(own)
        kept = {f"{code}/{grandeur}" for code in own}
        produced = {
            key: at for key, at in produced.items() if key in kept or not key.endswith(grandeur)
        }
        for code, at in sorted(own.items()):
            key, stamp = f"{code}/{grandeur}", text(micros(at))
            if produced.get(key) == stamp:
                continue
            page = Page()
            with failures.keep():
                forecast, unusable = ask_forecast(context, code, grandeur)
                produced[key] = stamp
                file = ExpertFile(issuer=ISSUER, forecasts=[forecast], name=FEED.title)
                page = Page(forecasts=[file] if forecast.times else [], unusable=unusable)
            yield replace(page, cursor={"produced": produced})
    failures.raise_first()
    yield Page(cursor={"produced": produced}, summary=f"{count} forecasts of our gauges")


def ask_list(context: PollContext, grandeur: str) -> tuple[list[Listed], list[Unusable]]:
    """The stations that have a forecast; none outside floods. Raises FeedError: no list."""
    answer = context.ask(FORECASTS, {"FormatDate": "iso", "GrdSimul": grandeur})
    content = answer.content
    if isinstance(content, dict) and "message" in content and "ListEntVigiCru" not in content:
        return [], []  # so it says that there is none
    entries = content.get("ListEntVigiCru") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise _wrong_shape("no list ListEntVigiCru", answer.body)
    return read_parts(entries, Listed)


def ask_forecast(
    context: PollContext, code: str, grandeur: str
) -> tuple[ExpertForecast, list[Unusable]]:
    """A station's forecast, and points of it that are none. Raises FeedError: another shape."""
    parameters = {
        "CdEntVigiCru": code,
        "TypEntVigiCru": _STATION,
        "FormatDate": "iso",
        "GrdSimul": grandeur,
    }
    answer = context.ask(FORECASTS, parameters)
    forecast, unusable = read_forecast(answer.content, answer.body, code, grandeur)
    require_past(context, forecast.issued, answer.body)
    return forecast, unusable


def read_forecast(
    content: Any, body: bytes, code: str, grandeur: str
) -> tuple[ExpertForecast, list[Unusable]]:
    """A station's forecast. Raises FeedError: the answer has another shape."""
    inner = content.get("Simul") if isinstance(content, dict) else None
    try:
        simulation = msgspec.convert(inner, Simulation)
    except msgspec.ValidationError as error:
        raise _wrong_shape(str(error), body) from error
    points, unusable = read_parts(simulation.Prevs, Point)
    rows = {
        point.DtPrev: [point.ResMinPrev, point.ResMoyPrev, point.ResMaxPrev]
        for point in sorted(points, key=lambda point: point.DtPrev)
    }
    latest = simulation.DtProdSimul + _LONGEST
    rows = {at: row for at, row in rows.items() if at <= latest and any(v is not None for v in row)}
    return (
        ExpertForecast(
            code=code,
            grandeur=grandeur,
            model="",
            issued=simulation.DtProdSimul,
            produced=simulation.DtProdSimul,
            labels=list(_LABELS),
            levels=[TENDENCIES[label] for label in _LABELS],
            times=list(rows),
            values=list(rows.values()),
            comment=(simulation.CommentSimul or "")[:2_000],
        ),
        unusable,
    )


def _wrong_shape(error: str, body: bytes) -> FeedError:
    return FeedError(
        "the answer has another shape than a forecast: {error}",
        error,
        reason=Reason.WRONG_SHAPE,
        body=body,
    )
