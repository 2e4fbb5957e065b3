"""The list of sites: search, filters, paging."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from hypervisor.access.context import RequestContext
from hypervisor.base.translation import translate as _
from hypervisor.charts.words import code_word, display_unit, quantity_label, short_limit_label
from hypervisor.overview import queries
from hypervisor.overview.queries import MapSite, TreeArea
from hypervisor.overview.views_map_sites import load_sites
from hypervisor.overview.views_site_facts import SiteLimit, load_limits, pick_headline, pick_main
from hypervisor.overview.views_site_traces import digits, silence_s
from hypervisor.readings import queries_charts
from hypervisor.readings.queries_charts import Channel, Reception
from hypervisor.web import filters
from sensors._quantity import Kind

PER_PAGE = 60


class SiteFilter(BaseModel):
    """The filters, as in the address."""

    model_config = ConfigDict(frozen=True)

    q: Annotated[str, StringConstraints(strip_whitespace=True)] = ""
    domain: str = ""
    area: str = ""
    river: str = ""
    state: str = ""
    page: int = Field(default=1, ge=1, le=10_000)

    def address(self, **changed: str | int) -> str:
        params = {**self.model_dump(), **changed}
        return "/sites?" + urlencode({key: value for key, value in params.items() if value})

    @property
    def filtered(self) -> bool:
        return any((self.q, self.domain, self.area, self.river, self.state))


@dataclass(frozen=True, kw_only=True)
class SiteRow:
    """A row of the list. `heading`: the river that starts here."""

    site: MapSite
    heading: str | None
    quantity: str = ""
    value: str = ""
    at: datetime | None = None
    stale: bool = False
    margin: str = ""
    against: str = ""
    over: bool = False


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
    every = load_sites(context, now)
    areas = queries.list_areas(context.connection)
    communes = expand_area(areas, query.area)
    kept = [site for site in every if matches(site, query, communes)]
    pages = max(1, -(-len(kept) // PER_PAGE))
    page = min(query.page, pages)
    listed = kept[(page - 1) * PER_PAGE : page * PER_PAGE]
    return SiteListing(
        rows=_rows(context, listed, now),
        total=len(kept),
        every=len(every),
        pages=pages,
        page=page,
        domains=sorted({site.domain for site in every}),
        rivers=sorted({site.river for site in every if site.river}),
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
            ("unknown", _("not assessable")),
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
    if not query.q:
        return True
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
            return site.open == 0 and not site.unknown
        case "unknown":
            return site.unknown
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
    used = {site.commune for site in every}
    branches = [
        (epci, [area for area in areas if area.parent == epci.code and area.code in used])
        for epci in areas
        if epci.kind == "epci"
    ]
    return [(epci, communes) for epci, communes in branches if communes]


def _rows(context: RequestContext, listed: Sequence[MapSite], now: datetime) -> list[SiteRow]:
    names = [site.name for site in listed]
    by_site: dict[str, list[Channel]] = {name: [] for name in names}
    for channel in queries_charts.list_channels(context.connection, names, lamps=False):
        by_site[channel.site].append(channel)
    mains = {site.name: pick_main(by_site[site.name], context, site.domain, now) for site in listed}
    ids = [channel.id for channel in mains.values() if channel]
    last = queries_charts.read_newest(context.connection, ids)
    limits_of = load_limits(context, names)
    rows = []
    before: str | None = None
    for site in listed:
        heading = site.river if site.river != before else None
        before = site.river
        main = mains[site.name]
        if main is None:
            rows.append(SiteRow(site=site, heading=heading))
            continue
        heard = last.get(main.id)
        value = {main.quantity: heard.value} if heard and heard.value is not None else {}
        limit = pick_headline(limits_of(site.name, value), main.quantity)
        rows.append(_row(context, SiteRow(site=site, heading=heading), main, heard, limit))
    return rows


def _row(
    context: RequestContext,
    row: SiteRow,
    main: Channel,
    heard: Reception | None,
    limit: SiteLimit | None,
) -> SiteRow:
    """The row with the newest value of its main channel, and its margin."""
    quantity = context.catalogue.quantities[main.quantity]
    row = replace(row, quantity=quantity_label(quantity, main.quantity))
    if heard and heard.value is not None and heard.last is not None:
        value = filters.value(heard.value, display_unit(quantity.unit) or None, digits(quantity))
        if quantity.codes:
            value = code_word(quantity.codes.get(round(heard.value), value))
        age = context.now() - heard.last
        late = age > timedelta(seconds=silence_s(main, quantity))
        stale = late and quantity.kind is not Kind.STATE
        row = replace(row, value=value, at=heard.last, stale=stale)
    if limit is not None and limit.margin is not None:
        row = replace(
            row,
            margin=filters.signed(limit.margin, limit.unit, digits(quantity)),
            against=short_limit_label(context.catalogue.thresholds.get(limit.name), limit.name),
            over=limit.passed,
        )
    return row
