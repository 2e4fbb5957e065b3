"""The list of sites: searched, filtered, by pages, along rivers; values of the page alone."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from hypervisor.api.access import Access
from hypervisor.console import formats
from hypervisor.console.views.chart_words import label, short_limit
from hypervisor.console.views.site_facts import main_of
from hypervisor.console.views.site_limits import SiteLimit, headline, limits, raised
from hypervisor.console.views.site_traces import digits
from hypervisor.console.words import translate as _
from hypervisor.store.pages import charting, mapping, observing, siting
from hypervisor.store.pages.charting import Channel, Heard
from hypervisor.store.pages.mapping import MapSite, TreeArea
from sensors._quantity import Kind

PER_PAGE = 60
STATES = ("open", "un", "1", "2", "3", "4", "stale", "calm")


@dataclass(frozen=True, kw_only=True)
class Wanted:
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
class Row:
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

    rows: Sequence[Row]
    total: int
    every: int
    pages: int
    page: int
    domains: Sequence[str]
    rivers: Sequence[str]
    epcis: Sequence[tuple[TreeArea, Sequence[TreeArea]]]
    states: Sequence[tuple[str, str]]


def listing(asked: Access, wanted: Wanted) -> Found:
    """One question for all sites, a few more for those of the page."""
    now = asked.now()
    every = mapping.sites(asked.connection, now)
    areas = mapping.areas(asked.connection)
    kept = [one for one in every if matches(one, wanted, areas_under(areas, wanted.area))]
    pages = max(1, -(-len(kept) // PER_PAGE))
    page = min(wanted.page, pages)
    shown = kept[(page - 1) * PER_PAGE : page * PER_PAGE]
    return Found(
        rows=_rows(asked, shown, now),
        total=len(kept),
        every=len(every),
        pages=pages,
        page=page,
        domains=sorted({one.domain for one in every}),
        rivers=sorted({one.river for one in every if one.river}),
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


def matches(one: MapSite, wanted: Wanted, communes: frozenset[str] | None) -> bool:
    """Whether a site is asked for. `communes`: those of the area; None: of any."""
    if wanted.domain and one.domain != wanted.domain:
        return False
    if wanted.river and one.river != wanted.river:
        return False
    if communes is not None and one.commune not in communes:
        return False
    if wanted.state and not _in_state(one, wanted.state):
        return False
    words = plain(wanted.q).split()
    text = plain(" ".join(filter(None, (one.title, one.name, one.commune_name, one.river))))
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
        found |= {one.code for one in areas if one.parent in found}
    return frozenset(found)


def tree(
    areas: Sequence[TreeArea], every: Sequence[MapSite]
) -> list[tuple[TreeArea, list[TreeArea]]]:
    """EPCI with those of their communes that have sites."""
    used = {one.commune for one in every}
    found = []
    for epci in areas:
        if epci.kind == "epci":
            own = [one for one in areas if one.parent == epci.code and one.code in used]
            if own:
                found.append((epci, own))
    return found


def _rows(asked: Access, shown: Sequence[MapSite], now: datetime) -> list[Row]:
    names = [one.name for one in shown]
    channels = charting.channels(asked.connection, names)
    by_site: dict[str, list[Channel]] = {}
    for channel in channels:
        by_site.setdefault(channel.site, []).append(channel)
    mains = {one.name: main_of(by_site.get(one.name, []), asked, one.domain, now) for one in shown}
    ids = [one.id for one in mains.values() if one]
    last = charting.newest(asked.connection, ids)
    raising = raised(written for _id, written, _at in observing.rules(asked.connection, now))
    said = siting.limits(asked.connection, names, now)
    rows = []
    before: str | None = None
    for one in shown:
        main = mains[one.name]
        heard = last.get(main.id) if main else None
        own = [row for row in said if row.site == one.name]
        value = {main.quantity: heard.value} if main and heard and heard.value is not None else {}
        told = (
            headline(limits(own, asked.catalogue, raising, value), main.quantity) if main else None
        )
        heading = one.river if one.river != before else None
        before = one.river
        rows.append(_row(asked, one, main, heard, told, heading, now))
    return rows


def _row(  # noqa: PLR0913, PLR0917  what a row says
    asked: Access,
    one: MapSite,
    main: Channel | None,
    heard: Heard | None,
    told: SiteLimit | None,
    heading: str | None,
    now: datetime,
) -> Row:
    quantity = asked.catalogue.quantities.get(main.quantity) if main else None
    value, stale = "", False
    if main and quantity and heard and heard.value is not None and heard.last is not None:
        unit = None if quantity.unit in {"1", "bool", "code"} else quantity.unit
        value = formats.value(heard.value, unit, digits(quantity))
        if quantity.codes:
            value = _(quantity.codes.get(round(heard.value), value))
        interval = main.interval_s or quantity.interval.total_seconds()
        limit = timedelta(seconds=main.stale_s or 3 * interval)
        stale = quantity.kind is not Kind.STATE and now - heard.last > limit
    margin = against = ""
    if told is not None and told.margin is not None:
        margin = formats.signed(told.margin, told.unit, digits(quantity))
        against = short_limit(asked.catalogue.thresholds.get(told.name), told.name)
    return Row(
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
