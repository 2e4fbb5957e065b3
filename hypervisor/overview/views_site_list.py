"""The list of sites: searched, filtered, by pages, along rivers; values of the page alone."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from hypervisor.access.context import RequestContext
from hypervisor.base.translation import translate as _
from hypervisor.charts.words import label, short_limit
from hypervisor.overview import queries_map
from hypervisor.overview.queries_map import MapSite, TreeArea
from hypervisor.overview.views_site_facts import main_of
from hypervisor.overview.views_site_limits import SiteLimit, headline, limits, raised
from hypervisor.overview.views_site_traces import digits
from hypervisor.readings import queries_charts, queries_latest
from hypervisor.readings.queries_charts import Channel, Heard
from hypervisor.registry import queries_site
from hypervisor.web import filters
from sensors._quantity import Kind

PER_PAGE = 60
STATES = ("open", "un", "1", "2", "3", "4", "stale", "calm")


@dataclass(frozen=True, kw_only=True)
class SiteFilter:
    """What is asked for; it stands in the address."""

    q: str = ""
    domain: str = ""
    area: str = ""
    river: str = ""
    state: str = ""
    page: int = 1

    def address(self, **changed: str | int) -> str:
        said = {**self.__dict__, **changed}
        return "/sites?" + urlencode({key: value for key, value in said.items() if value})

    @property
    def filtered(self) -> bool:
        return any((self.q, self.domain, self.area, self.river, self.state))


@dataclass(frozen=True, kw_only=True)
class SiteRow:
    """A site of the page. `heading`: it begins another river."""

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
class Found:
    """A page of the list, and what the filters offer."""

    rows: Sequence[SiteRow]
    total: int
    every: int
    pages: int
    page: int
    domains: Sequence[str]
    rivers: Sequence[str]
    epcis: Sequence[tuple[TreeArea, Sequence[TreeArea]]]
    states: Sequence[tuple[str, str]]


def listing(context: RequestContext, wanted: SiteFilter) -> Found:
    """One question for all sites, a few more for those of the page."""
    now = context.now()
    every = queries_map.sites(context.connection, now)
    areas = queries_map.areas(context.connection)
    kept = [
        map_site for map_site in every if matches(map_site, wanted, areas_under(areas, wanted.area))
    ]
    pages = max(1, -(-len(kept) // PER_PAGE))
    page = min(wanted.page, pages)
    shown = kept[(page - 1) * PER_PAGE : page * PER_PAGE]
    return Found(
        rows=_rows(context, shown, now),
        total=len(kept),
        every=len(every),
        pages=pages,
        page=page,
        domains=sorted({map_site.domain for map_site in every}),
        rivers=sorted({map_site.river for map_site in every if map_site.river}),
        epcis=tree(areas, every),
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


def matches(map_site: MapSite, wanted: SiteFilter, communes: frozenset[str] | None) -> bool:
    """Whether a site is asked for. `communes`: those of the area; None: of any."""
    if wanted.domain and map_site.domain != wanted.domain:
        return False
    if wanted.river and map_site.river != wanted.river:
        return False
    if communes is not None and map_site.commune not in communes:
        return False
    if wanted.state and not _in_state(map_site, wanted.state):
        return False
    words = plain(wanted.q).split()
    text = plain(
        " ".join(
            filter(None, (map_site.title, map_site.name, map_site.commune_name, map_site.river))
        )
    )
    return all(word in text for word in words)


def _in_state(one: MapSite, state: str) -> bool:
    match state:
        case "open":
            return one.open > 0
        case "un":
            return one.state == "un"
        case "stale":
            return one.stale
        case "calm":
            return one.open == 0
        case _:
            return str(one.priority) == state


def plain(text: str) -> str:
    """Small letters without accents, as people type."""
    apart = unicodedata.normalize("NFKD", text.lower())
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def areas_under(areas: Sequence[TreeArea], code: str) -> frozenset[str] | None:
    """The communes of an area, itself among them; None where none is named."""
    if not code:
        return None
    found = {code}
    for _depth in range(3):
        found |= {tree_area.code for tree_area in areas if tree_area.parent in found}
    return frozenset(found)


def tree(
    areas: Sequence[TreeArea], every: Sequence[MapSite]
) -> list[tuple[TreeArea, list[TreeArea]]]:
    """EPCI with those of their communes that have sites."""
    used = {map_site.commune for map_site in every}
    found = []
    for epci in areas:
        if epci.kind == "epci":
            own = [
                tree_area
                for tree_area in areas
                if tree_area.parent == epci.code and tree_area.code in used
            ]
            if own:
                found.append((epci, own))
    return found


def _rows(context: RequestContext, shown: Sequence[MapSite], now: datetime) -> list[SiteRow]:
    names = [map_site.name for map_site in shown]
    channels = queries_charts.channels(context.connection, names)
    by_site: dict[str, list[Channel]] = {}
    for channel in channels:
        by_site.setdefault(channel.site, []).append(channel)
    mains = {
        map_site.name: main_of(by_site.get(map_site.name, []), context, map_site.domain, now)
        for map_site in shown
    }
    ids = [one.id for one in mains.values() if one]
    last = queries_charts.newest(context.connection, ids)
    raising = raised(written for _id, written, _at in queries_latest.rules(context.connection, now))
    said = queries_site.limits(context.connection, names, now)
    rows = []
    before: str | None = None
    for one in shown:
        main = mains[one.name]
        heard = last.get(main.id) if main else None
        own = [row for row in said if row.site == one.name]
        value = {main.quantity: heard.value} if main and heard and heard.value is not None else {}
        site_limit = (
            headline(limits(own, context.catalogue, raising, value), main.quantity)
            if main
            else None
        )
        heading = one.river if one.river != before else None
        before = one.river
        rows.append(_row(context, one, main, heard, site_limit, heading, now))
    return rows


def _row(  # noqa: PLR0913, PLR0917  what a row says
    context: RequestContext,
    one: MapSite,
    main: Channel | None,
    heard: Heard | None,
    told: SiteLimit | None,
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
        limit = timedelta(seconds=main.stale_s or 3 * interval)
        stale = quantity.kind is not Kind.STATE and now - heard.last > limit
    margin = against = ""
    if told is not None and told.margin is not None:
        margin = filters.signed(told.margin, told.unit, digits(quantity))
        against = short_limit(context.catalogue.thresholds.get(told.name), told.name)
    return SiteRow(
        site=one,
        quantity=label(quantity, main.quantity if main else ""),
        value=value,
        at=heard.last if heard else None,
        stale=stale,
        margin=margin,
        against=against,
        over=bool(told and told.passed),
        heading=heading,
    )
