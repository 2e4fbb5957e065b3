"""Devices, and how each is: when heard, how much of it suspect, clock, battery, in service."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from hypervisor.access.context import Context
from hypervisor.base.errors import NotFoundError
from hypervisor.readings import api_series, device_health
from hypervisor.readings.device_health import Health, Issue
from hypervisor.readings.schemas_devices import (
    DeviceBody,
    DeviceDetailBody,
    DevicesBody,
    HealthFigures,
    make_feature,
)
from hypervisor.registry import queries_devices
from hypervisor.web import formats
from hypervisor.web.formats import AnswerFormat
from hypervisor.web.paging import Page
from hypervisor.web.problems import responses
from sensors._nearest import did_you_mean

router = APIRouter(prefix="/devices", tags=["devices"])


@router.get("", response_model=DevicesBody, responses=responses() | formats.also("geojson"))
def list_devices(  # noqa: PLR0913  one argument a filter
    context: Context,
    page: Page,
    answer_format: AnswerFormat,
    *,
    site: Annotated[str | None, Query(examples=["yvette-gif"])] = None,
    domain: Annotated[str | None, Query(examples=["flood"])] = None,
    issue: Annotated[
        Issue | None, Query(description="Only those with it that nothing excuses.")
    ] = None,
) -> DevicesBody | Response:
    """Devices by name."""
    now = context.now()
    rows = queries_devices.list_devices(context.connection, now, site=site, domain=domain)
    if issue is None:
        some, following = page.cut(rows, lambda row: (row.name,))
        page_healths = device_health.assess_devices(
            context.connection, context.catalogue, some, now=now
        )
    else:
        all_of = device_health.assess_devices(
            context.connection, context.catalogue, rows, now=now, everything=True
        )
        bad = [health for health in all_of if issue in health.issues and health.excused is None]
        page_healths, following = page.cut(bad, lambda health: (health.device.name,))
    bodies = [make_body(health) for health in page_healths]
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
        raise NotFoundError(f"no device is named {name!r}{did_you_mean(name, names)}")
    (health,) = device_health.assess_devices(context.connection, context.catalogue, rows, now=now)
    own = queries_devices.list_series(context.connection, now, devices=[name])
    return DeviceDetailBody(
        mode=context.mode,
        device=make_body(health),
        series=[api_series.make_body(context, row) for row in own],
    )


def make_body(health: Health) -> DeviceBody:
    """A device and its health."""
    device, heard = health.device, health.heard
    share = health.suspect_share
    return DeviceBody(
        name=device.name,
        site=device.site,
        site_title=device.site_title,
        domain=device.domain,
        model=device.model,
        commissioned=device.commissioned,
        retired=device.retired,
        in_service=device.in_service,
        gateway=device.gateway,
        address=device.address,
        codec=device.codec,
        groups=list(device.groups),
        lon=device.lon,
        lat=device.lat,
        health=HealthFigures(
            issues=list(health.issues),
            excused=health.excused,
            heard_at=heard.heard_at,
            measured_at=heard.measured_at,
            silent_for_s=None if health.silent_for is None else health.silent_for.total_seconds(),
            stale_after_s=None
            if health.stale_after is None
            else health.stale_after.total_seconds(),
            readings=heard.readings,
            suspect=heard.suspect,
            suspect_share=None if share is None else round(share, 4),
            clock_faults=heard.clock_faults,
            ahead_s=heard.ahead_s,
            delay_s=heard.delay_s,
            battery=heard.battery,
            battery_at=heard.battery_at,
        ),
    )
