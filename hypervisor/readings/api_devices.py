"""Routes of devices and their health: silence, suspect readings, clock, battery, service."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from hypervisor.access.context import Context
from hypervisor.base.errors import NotFoundError
from hypervisor.readings import api_series, device_health
from hypervisor.readings.device_health import Health, Issue
from hypervisor.readings.schemas import (
    DeviceBody,
    DeviceDetailBody,
    DevicesBody,
    HealthFigures,
    make_feature,
)
from hypervisor.registry import queries_devices
from hypervisor.web import formats
from hypervisor.web.budget import ROWS, costs
from hypervisor.web.formats import AnswerFormat
from hypervisor.web.paging import Page
from hypervisor.web.problems import responses
from sensors._nearest import did_you_mean

router = APIRouter(prefix="/devices", tags=["devices"])


@router.get("", response_model=DevicesBody, responses=responses() | formats.also("geojson"))
@costs(ROWS)
def list_devices(  # noqa: PLR0913  one argument a filter
    context: Context,
    page: Page,
    answer_format: AnswerFormat,
    *,
    site: Annotated[str | None, Query(examples=["yvette-gif"])] = None,
    domain: Annotated[str | None, Query(examples=["flood"])] = None,
    issue: Annotated[Issue | None, Query(description="Only those with it, not excused.")] = None,
) -> DevicesBody | Response:
    """Devices by name."""
    now = context.now()
    rows = queries_devices.list_devices(context.connection, now, site=site, domain=domain)
    if issue is None:
        some, following = page.cut(rows, lambda row: (row.name,))
        healths = device_health.assess_devices(context.connection, context.catalogue, some, now=now)
    else:
        every = queries_devices.list_series(context.connection, now)
        all_healths = device_health.assess_devices(
            context.connection, context.catalogue, rows, now=now, every=every
        )
        bad = [health for health in all_healths if issue in health.issues and not health.excused]
        healths, following = page.cut(bad, lambda health: (health.device.name,))
    bodies = [make_body(health) for health in healths]
    if answer_format.among("json", "geojson") == "geojson":
        return formats.geojson(context.mode, map(make_feature, bodies), following)
    return DevicesBody(mode=context.mode, devices=bodies, next=following)


@router.get("/{name}", responses=responses(404))
def get_device(context: Context, name: str) -> DeviceDetailBody:
    """One device with its series."""
    now = context.now()
    rows = queries_devices.list_devices(context.connection, now, names=[name])
    if not rows:
        names = [row.name for row in queries_devices.list_devices(context.connection, now)]
        raise NotFoundError("no device is named {name!r}{hint}", name, did_you_mean(name, names))
    (health,) = device_health.assess_devices(context.connection, context.catalogue, rows, now=now)
    own = queries_devices.list_series(context.connection, now, devices=[name])
    return DeviceDetailBody(
        mode=context.mode,
        device=make_body(health),
        series=[api_series.make_body(context, row) for row in own],
    )


def make_body(health: Health) -> DeviceBody:
    """A device and its health."""
    silent, stale, share = health.silent_for, health.stale_after, health.suspect_share
    figures = HealthFigures(
        **vars(health.report),
        issues=list(health.issues),
        excused=health.excused,
        silent_for_s=None if silent is None else silent.total_seconds(),
        stale_after_s=None if stale is None else stale.total_seconds(),
        suspect_share=None if share is None else round(share, 4),
    )
    return DeviceBody(**vars(health.device), health=figures)
