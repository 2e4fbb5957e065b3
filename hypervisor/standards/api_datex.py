"""Routes of DATEX II v3: /datex2."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import StreamingResponse

from hypervisor.access.context import RequestContext
from hypervisor.standards import access, datex, roads
from hypervisor.standards.access import open_output
from hypervisor.standards.datex import Publisher, Station
from hypervisor.standards.model import NoResourceError
from hypervisor.web import problems

PREFIX = "/datex2"
Context = Annotated[RequestContext, Depends(open_output("datex"))]
router = APIRouter(prefix=PREFIX, include_in_schema=False)


def install(app: FastAPI) -> None:
    """Serve it beside the API."""
    access.install(app, PREFIX, problems.describe_problem)
    app.include_router(router)


@router.get("/situations.xml")
def get_situations(context: Context, request: Request) -> Response:
    """What happens on roads, or will."""
    situations = roads.list_situations(context.connection, context.catalogue, context.now())
    return _answer(request, datex.write_situations(_describe(context, request), situations))


@router.get("/measurement-sites.xml")
def get_measurement_sites(context: Context, request: Request) -> Response:
    """Where traffic is counted."""
    stations = _require_stations(context)
    return _answer(request, datex.write_stations(_describe(context, request), stations))


@router.get("/measured-data.xml")
def get_measured_data(context: Context, request: Request) -> Response:
    """The last values."""
    stations = [station for station in _require_stations(context) if station.time is not None]
    if not stations:
        raise NoResourceError("no station has a value yet")
    return _answer(request, datex.write_measures(_describe(context, request), stations))


def _require_stations(context: RequestContext) -> list[Station]:
    """The standard has no table without a station."""
    stations = roads.list_stations(context.connection, context.catalogue, context.now())
    if not stations:
        raise NoResourceError("no station counts traffic")
    return stations


def _describe(context: RequestContext, request: Request) -> Publisher:
    return Publisher(
        name=context.instance.name,
        mode=context.mode,
        licence=request.app.state.settings.licence,
        time=context.now(),
    )


def _answer(request: Request, content: Iterator[bytes]) -> Response:
    response = StreamingResponse(content, media_type=datex.MEDIA)
    access.describe(request, response, "datex")
    return response
