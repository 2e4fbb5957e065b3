"""Devices, and how each is: when heard, how much of it suspect, clock, battery, in service."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from hypervisor.api import formats, series
from hypervisor.api.access import Asked
from hypervisor.api.device_shapes import DeviceBody, DeviceDetailBody, DevicesBody, HealthFigures
from hypervisor.api.formats import Wished
from hypervisor.api.paging import Page
from hypervisor.api.problems import NotFoundError, responses
from hypervisor.api.territory import standing
from hypervisor.fleet import health
from hypervisor.fleet.health import Health, Issue
from hypervisor.registry.problems import nearest
from hypervisor.store.registry import fleet

router = APIRouter(prefix="/devices", tags=["devices"])


@router.get("", response_model=DevicesBody, responses=responses() | formats.also("geojson"))
def every(  # noqa: PLR0913  one argument a filter
    asked: Asked,
    page: Page,
    wished: Wished,
    *,
    site: Annotated[str | None, Query(examples=["yvette-gif"])] = None,
    domain: Annotated[str | None, Query(examples=["flood"])] = None,
    issue: Annotated[
        Issue | None, Query(description="Only those with it that nothing excuses.")
    ] = None,
) -> DevicesBody | Response:
    """Devices by name."""
    now = asked.now()
    rows = fleet.devices(asked.connection, now, site=site, domain=domain)
    if issue is None:
        some, following = page.cut(rows, lambda row: (row.name,))
        told = health.look(asked.connection, asked.catalogue, some, now=now)
    else:
        all_of = health.look(asked.connection, asked.catalogue, rows, now=now, everything=True)
        bad = [one for one in all_of if issue in one.issues and one.excused is None]
        told, following = page.cut(bad, lambda one: (one.device.name,))
    bodies = [body(one) for one in told]
    if wished.among("json", "geojson") == "geojson":
        return formats.geojson(asked.mode, map(standing, bodies), following)
    return DevicesBody(mode=asked.mode, devices=bodies, next=following)


@router.get("/{name}", responses=responses(404))
def one(asked: Asked, name: str) -> DeviceDetailBody:
    """One device with its series."""
    now = asked.now()
    rows = fleet.devices(asked.connection, now, names=[name])
    if not rows:
        known = [row.name for row in fleet.devices(asked.connection, now)]
        raise NotFoundError(f"no device is named {name!r}{nearest(name, known)}")
    (told,) = health.look(asked.connection, asked.catalogue, rows, now=now)
    own = fleet.series(asked.connection, now, devices=[name])
    return DeviceDetailBody(
        mode=asked.mode, device=body(told), series=[series.body(asked, row) for row in own]
    )


def body(told: Health) -> DeviceBody:
    """A device and its health."""
    device, heard = told.device, told.heard
    share = told.suspect_share
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
            issues=list(told.issues),
            excused=told.excused,
            heard_at=heard.heard_at,
            measured_at=heard.measured_at,
            silent_for_s=None if told.silent_for is None else told.silent_for.total_seconds(),
            stale_after_s=None if told.stale_after is None else told.stale_after.total_seconds(),
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
