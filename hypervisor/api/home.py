"""The home page and the description of the API: plain HTML, nothing from elsewhere."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from hypervisor.api import alarms, health, sites
from hypervisor.api.access import Asked
from hypervisor.api.html import STYLE, link, page, paragraph, table, text
from hypervisor.api.shapes import AlarmBody, HealthBody, Site, Value
from hypervisor.store.alarms import Selection

router = APIRouter(include_in_schema=False)

_SHOWN = 50  # alarms that are over


@router.get("/")
def home(asked: Asked) -> HTMLResponse:
    """What a person wants first: real or not, our health, what is active, what was last said."""
    known = health.look(asked)
    active = alarms.listing(asked, Selection(active=True))
    hazards = _of("hazard", active)
    over = alarms.listing(asked, Selection(active=False, limit=_SHOWN))
    return HTMLResponse(
        page(
            f"Territorial hypervisor · {asked.instance.name}",
            asked.mode,
            [
                _top(known),
                _alarms(f"Active alarms ({len(hazards)})", hazards),
                _sites(sites.listing(asked)),
                _alarms(f"Maintenance ({len(active) - len(hazards)})", _of("maintenance", active)),
                _alarms("Alarms that are over", over),
                _parts(known),
                _links(),
            ],
        )
    )


@router.get("/docs")
def docs(request: Request) -> HTMLResponse:
    """Every endpoint with its parameters, from the OpenAPI description."""
    description: dict[str, Any] = request.app.openapi()
    rows = [
        (
            text(f"{method.upper()} {address}"),
            text(one.get("description", "")),
            ", ".join(text(_parameter(p)) for p in one.get("parameters", [])),
        )
        for address, methods in description["paths"].items()
        for method, one in methods.items()
    ]
    banner = getattr(request.app.state, "banner", None) or "API"
    return HTMLResponse(
        page(
            "The API",
            banner,
            [
                *(
                    paragraph(text(part))
                    for part in description["info"]["description"].split("\n\n")
                ),
                table("Endpoints", ("address", "answers", "parameters"), rows),
                paragraph(link("/openapi.json", "OpenAPI 3.1 description"), link("/", "home")),
            ],
        )
    )


@router.get("/style.css")
def style() -> Response:
    return Response(STYLE, media_type="text/css", headers={"Cache-Control": "max-age=3600"})


def _parameter(one: dict[str, Any]) -> str:
    said = one.get("description", "")
    return f"{one['name']} ({said})" if said else str(one["name"])


def _top(known: HealthBody) -> str:
    state = (
        text("all parts are at work") if known.ok else text("a part needs you, see below", "bad")
    )
    judged = _time(known.judged_to) if known.judged_to else "nothing yet"
    return paragraph(text(_time(known.clock)), "·", text(f"judged up to {judged}"), "·", state)


def _of(category: str, found: list[AlarmBody]) -> list[AlarmBody]:
    return [one for one in found if one.category == category]


def _alarms(caption: str, found: list[AlarmBody]) -> str:
    if not found:
        return f"<h2>{text(caption)}</h2>" + paragraph(text("none", "quiet"))
    rows = [
        (
            text(one.severity[-1][1]),
            link(f"/api/v1/alarms/{one.id}", one.title),
            text(_time(one.began)),
            text(_time(one.ended) if one.ended else _lasting(one)),
            text(_last(one)),
        )
        for one in found
    ]
    return table(caption, ("severity", "alarm", "began", "ended", "last value"), rows)


def _lasting(one: AlarmBody) -> str:
    stale = one.stale and one.stale[-1][1] is None
    return f"stale since {_time(one.stale[-1][0])}" if stale else "lasts"


def _last(one: AlarmBody) -> str:
    value = one.last_value
    if value is None:
        return "none"
    return f"{value.value:g} {value.unit} {value.trend or ''} at {_time(value.time)}"


def _sites(found: list[Site]) -> str:
    rows = [
        (
            link(f"/api/v1/sites/{site.name}", site.title) if first else "",
            link(
                f"/api/v1/series/{value.device}/{value.quantity}/readings?order=desc", value.label
            ),
            text(_value(value)),
            text(_time(value.time) if value.time else "never"),
            text(", ".join(value.quality) or "good", "bad" if value.quality else "quiet"),
        )
        for site, first, value in _rows(found)
    ]
    return table("Sites", ("site", "quantity", "latest", "measured", "quality"), rows)


def _rows(found: list[Site]) -> Iterator[tuple[Site, bool, Value]]:
    for site in found:
        for number, value in enumerate(site.latest):
            yield site, number == 0, value


def _value(value: Value) -> str:
    return "none" if value.value is None else f"{value.value:g} {value.unit}"


def _parts(known: HealthBody) -> str:
    rows = [
        (text(part.name), text("ok") if part.ok else text("not well", "bad"), text(part.detail))
        for part in known.parts
    ]
    return table("Our own health", ("part", "state", "detail"), rows)


def _links() -> str:
    names = ("health", "sites", "alarms", "rules")
    return paragraph(
        *(link(f"/api/v1/{name}", f"{name} (JSON)") for name in names), link("/docs", "the API")
    )


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
