"""The list of sites: search, filters, paging."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from hypervisor.access.context import RequestContext
from hypervisor.base.translation import translate as _
from hypervisor.charts.words import quantity_label, short_limit_label
from hypervisor.overview import queries_map
from hypervisor.overview.queries_map import MapSite, TreeArea
from hypervisor.overview.views_site_facts import pick_main
from hypervisor.overview.views_site_limits import (
    SiteLimit,
    compute_limits,
    find_threshold_rules,
    pick_headline,
)
from hypervisor.overview.views_site_traces import digits
from hypervisor.readings import queries_charts, queries_latest
from hypervisor.readings.queries_charts import Channel, Reception
from hypervisor.registry import queries_site
from hypervisor.web import filters
from sensors._quantity import STALE_INTERVALS, Kind

PER_PAGE = 60
STATES = ("open", "un", "1", "2", "3", "4", "stale", "calm")


@dataclass(frozen=True, kw_only=True)
class SiteFilter:
    """The filters, as in the address."""

    q: str = ""
    domain: str = ""
    area: str = ""
    river: str = ""
    state: str = ""
    page: int = 1

    def address(self, **changed: str | int) -> str:
        params = {**self.__dict__, **changed}
        return "/sites?" + urlencode({key: value for key, value in params.items() if value})

    @property
    def filtered(self) -> bool:
        return any((self.q, self.domain, self.area, self.river, self.state))


@dataclass(frozen=True, kw_only=True)
class SiteRow:
    """A row of the list. `heading`: the river that starts here."""

    site: MapSite
    quantity: str
    value: str
    at: datetime | None
    stale: bool
    margin: str
    against: str
    over: bool
    heading: str | None


@dataclass(frozen=True, kw_only=True)
class SiteListing:
    """A page of the list and the choices of its filters."""

    rows: Sequence[SiteRow]
    total: int
    every: int
    pages: int
    page: int
    domains: Sequence[str]
    rivers: Sequence[str]
    epcis: Sequence[tuple[TreeArea, Sequence[TreeArea]]]
    states: Sequence[tuple[str, str]]


def search_sites(context: RequestContext, query: SiteFilter) -> SiteListing:
    """Filter all sites, then read the values of one page."""
    now = context.now()
    every = queries_map.list_sites(context.connection, now)
    areas = queries_map.list_areas(context.connection)
    kept = [
        map_site for map_site in every if matches(map_site, query, expand_area(areas, query.area))
    ]
    pages = max(1, -(-len(kept) // PER_PAGE))
    page = min(query.page, pages)
    listed = kept[(page - 1) * PER_PAGE : page * PER_PAGE]
    return SiteListing(
        rows=_rows(context, listed, now),
        total=len(kept),
        every=len(every),
        pages=pages,
        page=page,
        domains=sorted({map_site.domain for map_site in every}),
        rivers=sorted({map_site.river for map_site in every if map_site.river}),
        epcis=group_communes(areas, every),
        states=[
            ("open", _("with an alarm")),
            ("un", _("to acknowledge")),
            ("1", _("critical")),
            ("2", _("major")),
            ("3", _("minor")),
            ("4", _("notice")),
            ("stale", _("silent, alarm open")),
            ("calm", _("without an alarm")),
        ],
    )


def matches(map_site: MapSite, query: SiteFilter, communes: frozenset[str] | None) -> bool:
    """Whether a site passes the filter. `communes`: those of the area; None: any."""
    if query.domain and map_site.domain != query.domain:
        return False
    if query.river and map_site.river != query.river:
        return False
    if communes is not None and map_site.commune not in communes:
        return False
    if query.state and not _in_state(map_site, query.state):
        return False
    words = fold_accents(query.q).split()
    text = fold_accents(
        " ".join(
            filter(None, (map_site.title, map_site.name, map_site.commune_name, map_site.river))
        )
    )
    return all(word in text for word in words)


def _in_state(site: MapSite, state: str) -> bool:
    match state:
        case "open":
            return site.open > 0
        case "un":
            return site.state == "un"
        case "stale":
            return site.stale
        case "calm":
            return site.open == 0
        case _:
            return str(site.priority) == state


def fold_accents(text: str) -> str:
    """Lower case without accents."""
    apart = unicodedata.normalize("NFKD", text.lower())
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def expand_area(areas: Sequence[TreeArea], code: str) -> frozenset[str] | None:
    """The area and all areas below it; None without an area."""
    if not code:
        return None
    codes = {code}
    for _depth in range(3):
        codes |= {tree_area.code for tree_area in areas if tree_area.parent in codes}
    return frozenset(codes)


def group_communes(
    areas: Sequence[TreeArea], every: Sequence[MapSite]
) -> list[tuple[TreeArea, list[TreeArea]]]:
    """Each EPCI with its communes that have sites."""
    used = {map_site.commune for map_site in every}
    branches = []
    for epci in areas:
        if epci.kind == "epci":
            own = [
                tree_area
                for tree_area in areas
                if tree_area.parent == epci.code and tree_area.code in used
            ]
            if own:
                branches.append((epci, own))
    return branches


def _rows(context: RequestContext, listed: Sequence[MapSite], now: datetime) -> list[SiteRow]:
    names = [map_site.name for map_site in listed]
    channels = queries_charts.list_channels(context.connection, names)
    by_site: dict[str, list[Channel]] = {}
    for channel in channels:
        by_site.setdefault(channel.site, []).append(channel)
    mains = {
        map_site.name: pick_main(by_site.get(map_site.name, []), context, map_site.domain, now)
        for map_site in listed
    }
    ids = [channel.id for channel in mains.values() if channel]
    last = queries_charts.read_newest(context.connection, ids)
    raising = find_threshold_rules(
        written for _id, written, _at in queries_latest.list_rules(context.connection, now)
    )
    thresholds = queries_site.list_thresholds(context.connection, names, now)
    rows = []
    before: str | None = None
    for site in listed:
        main = mains[site.name]
        heard = last.get(main.id) if main else None
        own = [row for row in thresholds if row.site == site.name]
        value = {main.quantity: heard.value} if main and heard and heard.value is not None else {}
        site_limit = (
            pick_headline(compute_limits(own, context.catalogue, raising, value), main.quantity)
            if main
            else None
        )
        heading = site.river if site.river != before else None
        before = site.river
        rows.append(_row(context, site, main, heard, site_limit, heading, now))
    return rows


def _row(  # noqa: PLR0913, PLR0917  what a row says
    context: RequestContext,
    site: MapSite,
    main: Channel | None,
    heard: Reception | None,
    limit: SiteLimit | None,
    heading: str | None,
    now: datetime,
) -> SiteRow:
    quantity = context.catalogue.quantities.get(main.quantity) if main else None
    value, stale = "", False
    if main and quantity and heard and heard.value is not None and heard.last is not None:
        unit = None if quantity.unit in {"1", "bool", "code"} else quantity.unit
        value = filters.value(heard.value, unit, digits(quantity))
        if quantity.codes:
            value = _(quantity.codes.get(round(heard.value), value))
        interval = main.interval_s or quantity.interval.total_seconds()
        stale_after = timedelta(seconds=main.stale_s or STALE_INTERVALS * interval)
        stale = quantity.kind is not Kind.STATE and now - heard.last > stale_after
    margin = against = ""
    if limit is not None and limit.margin is not None:
        margin = filters.signed(limit.margin, limit.unit, digits(quantity))
        against = short_limit_label(context.catalogue.thresholds.get(limit.name), limit.name)
    return SiteRow(
        site=site,
        quantity=quantity_label(quantity, main.quantity if main else ""),
        value=value,
        at=heard.last if heard else None,
        stale=stale,
        margin=margin,
        against=against,
        over=bool(limit and limit.passed),
        heading=heading,
    )
