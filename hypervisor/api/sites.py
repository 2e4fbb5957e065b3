"""Sites and what their series last said."""

from collections import Counter
from difflib import get_close_matches

from fastapi import APIRouter

from hypervisor.api.access import Access, Asked, flags
from hypervisor.api.problems import NotFoundError, responses
from hypervisor.api.shapes import Commune, Site, SiteBody, SitesBody, ThresholdBody, Value
from hypervisor.store import alarms, observing
from hypervisor.store.observing import Latest, SiteRow
from sensors._quantity import CLOCK_FAULT

router = APIRouter(prefix="/sites", tags=["sites"])


@router.get("", responses=responses())
def every(asked: Asked) -> SitesBody:
    """All sites, along their rivers from the source down, with the newest row of each series.

    The lamps behind a cabinet are told with their site alone: there are too many of them.
    """
    return SitesBody(mode=asked.mode, sites=listing(asked))


@router.get("/{name}", responses=responses(404))
def one(asked: Asked, name: str) -> SiteBody:
    """One site with its thresholds in force."""
    rows = observing.sites(asked.connection, name)
    if not rows:
        near = get_close_matches(name, [row.name for row in observing.sites(asked.connection)], 1)
        hint = f"; nearest: {near[0]!r}" if near else ""
        raise NotFoundError(f"no site is named {name!r}{hint}")
    found = observing.thresholds(asked.connection, name, asked.now())
    return SiteBody(
        mode=asked.mode,
        site=_sites(asked, rows, observing.latest(asked.connection, name))[0],
        thresholds=[
            ThresholdBody(
                name=row.name,
                value=row.value,
                unit=row.unit,
                illustrative=row.illustrative,
                effective=row.effective,
            )
            for row in found
        ],
    )


def listing(asked: Access) -> list[Site]:
    """The same, for the page."""
    rows = observing.sites(asked.connection)
    return _sites(asked, rows, observing.latest(asked.connection))


def _sites(asked: Access, rows: list[SiteRow], latest: list[Latest]) -> list[Site]:
    open_alarms = alarms.listing(asked.connection, alarms.Selection(active=True))
    count = Counter(alarm.place for alarm in open_alarms)
    values: dict[str, list[Value]] = {}
    for one_of in latest:
        if one_of.quantity == CLOCK_FAULT and one_of.time is None:
            continue  # a clock that was never wrong is no news
        values.setdefault(one_of.site, []).append(_value(asked, one_of))
    return [
        Site(
            name=row.name,
            title=row.title,
            domain=row.domain,
            commune=Commune(code=row.commune[0], name=row.commune[1]) if row.commune else None,
            lon=row.lon,
            lat=row.lat,
            river=row.river,
            illustrative=row.illustrative,
            active_alarms=count[row.name],
            latest=values.get(row.name, []),
        )
        for row in rows
    ]


def _value(asked: Access, row: Latest) -> Value:
    quantity = asked.catalogue.quantities.get(row.quantity)
    return Value(
        device=row.device,
        quantity=row.quantity,
        unit=quantity.unit if quantity else "",
        label=quantity.label_en if quantity else row.quantity,
        time=row.time,
        value=row.value,
        quality=flags(row.quality),
        received_at=row.received_at,
    )
