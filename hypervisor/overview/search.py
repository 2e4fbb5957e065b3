"""Search for anything: what the database holds, rules, pages and headings of the documents.

Accents, case and punctuation do not matter; each word may begin another, and one letter be wrong.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from functools import lru_cache
from urllib.parse import quote, urlencode

from hypervisor.access.context import RequestContext
from hypervisor.alarms import views_words
from hypervisor.base.reader import current
from hypervisor.base.translation import mark, translate
from hypervisor.overview import queries_places, queries_search
from hypervisor.overview.queries_search import MOST, Row
from hypervisor.registry.queries_revisions import load_latest
from hypervisor.rulebook import views_list, views_texts
from hypervisor.web import documents, marks
from hypervisor.web.filters import day_time
from hypervisor.web.page import Page

LONGEST = 100  # characters of a query
_LATELY = timedelta(days=30)
_RATIO = 0.75  # of difflib, of two words alike
_OVER = {"rtn", "off"}
_WORSE = 9  # after every severity
_KINDS: Mapping[str, str] = {  # in the order of equal ones
    "alarm": mark("Alarms"),
    "incident": mark("Incidents"),
    "site": mark("Sites"),
    "asset": mark("Assets"),
    "river": mark("Rivers"),
    "area": mark("Communes and other areas"),
    "group": mark("Groups"),
    "device": mark("Devices"),
    "rule": mark("Rules"),
    "page": mark("Pages"),
    "document": mark("Help"),
}
ASSET_WORDS: Mapping[str, str] = {
    "road": mark("Road"),
    "school": mark("School"),
    "cabinet": mark("Cabinet"),
    "hospital": mark("Hospital"),
    "pumping": mark("Pumping station"),
    "other": mark("Other"),
}
_AREA_WORDS: Mapping[str, str] = {
    "departement": mark("Département"),
    "epci": mark("EPCI"),
    "commune": mark("Commune"),
}


@dataclass(frozen=True, kw_only=True)
class Hit:
    """`rank`: 0 the exact name … 3 it holds the words, 4 and more: alike.

    `worst`: rank of the worst active alarm there, or of this alarm; `how`: the look of its mark.
    """

    kind: str
    name: str
    title: str
    detail: str = ""
    address: str
    rank: int
    worst: int | None = None
    how: str = "off"

    @property
    def order(self) -> tuple[bool, int, int]:
        """Exact names first, then active alarms, then how well the words fit."""
        active = _WORSE if self.worst is None or self.how in _OVER else self.worst
        return (self.rank > 0, active, self.rank)


@dataclass(frozen=True, kw_only=True)
class HitGroup:
    """The hits of a kind, best first."""

    kind: str
    title: str
    hits: Sequence[Hit]


@lru_cache(maxsize=4096)  # titles are the same each time
def fold(text: str) -> str:
    """Words of a to z and digits, as the database's `fold_text` makes them."""
    plain = unicodedata.normalize("NFKD", text.casefold().replace("œ", "oe").replace("æ", "ae"))
    letters = "".join(each for each in plain if not unicodedata.combining(each))
    return re.sub(r"[^a-z0-9]+", " ", letters).strip()


def rank(query: str, title: str, *others: str, alike: bool) -> int | None:
    """How well a text fits folded words: 0 exactly, 1 begins, 2 a word does, 3 holds, 4 alike.

    None: not at all, or only alike and not `alike`.
    """
    folded = [fold(each) for each in (title, *others)]
    text = " ".join(folded)
    if query in folded:
        return 0
    if any(each.startswith(query) for each in folded):
        return 1
    if f" {query}" in text:
        return 2
    words = query.split()
    if all(word in text for word in words):
        return 3
    among = text.split()
    if alike and all(word in text or get_close_matches(word, among, 1, _RATIO) for word in words):
        return 4
    return None


def search(context: RequestContext, typed: str, pages: Iterable[Page]) -> list[HitGroup]:
    """What the words are about, of what this person may see. `pages`: those of their rail.

    Call it as the reader: titles are in their language. Words alike are looked for where none fit.
    """
    query = fold(typed[:LONGEST])
    if not query:
        return []
    return group(
        _find(context, query, pages, alike=False) or _find(context, query, pages, alike=True)
    )


def search_places(context: RequestContext, typed: str) -> list[HitGroup]:
    """The same of what lies on the map: sites, assets, rivers, communes and EPCI, devices."""
    query = fold(typed[:LONGEST])
    rows = (_find_rows(context, query, alike=alike) for alike in (False, True)) if query else ()
    for some in rows:
        hits = [_describe(row) for row in some if row.kind in queries_places.KINDS]
        if hits:
            return group(hits)
    return []


def _find(context: RequestContext, query: str, pages: Iterable[Page], *, alike: bool) -> list[Hit]:
    return [
        *(_describe(row) for row in _find_rows(context, query, alike=alike)),
        *_best(_find_rules(context, query, alike=alike)),
        *_best(_find_pages(query, pages, alike=alike)),
        *_best(_find_headings(query, alike=alike)),
    ]


def _find_rows(context: RequestContext, query: str, *, alike: bool) -> list[Row]:
    now = context.now()
    return queries_search.search(
        context.connection,
        {word: _name_kinds(word, alike=alike) for word in query.split()},
        alike=alike,
        restricted=not context.sees_everything,
        now=now,
        lately=now - _LATELY,
    )


def group(hits: Iterable[Hit]) -> list[HitGroup]:
    """By kind; the kind of the best hit first."""
    by_kind: dict[str, list[Hit]] = {}
    for hit in sorted(hits, key=lambda hit: hit.order):
        by_kind.setdefault(hit.kind, []).append(hit)
    order = list(_KINDS)
    groups = [
        HitGroup(kind=kind, title=_KINDS[kind], hits=tuple(some)) for kind, some in by_kind.items()
    ]
    return sorted(groups, key=lambda each: (*each.hits[0].order, order.index(each.kind)))


def _name_kinds(word: str, *, alike: bool) -> list[str]:
    """The kinds of assets that a word names, in either language: "eco" a school."""
    if len(word) < 3:
        return []
    return [
        kind
        for kind, words in ASSET_WORDS.items()
        if rank(word, translate(words), words, alike=alike) is not None
    ]


def _best(hits: Iterable[Hit]) -> list[Hit]:
    return sorted(hits, key=lambda hit: (hit.order, hit.title))[:MOST]


def _describe(row: Row) -> Hit:
    title = row.title_fr if row.title_fr and current().language == "fr" else row.title
    detail = row.detail or ""
    if row.kind == "incident":
        domain, _, category = detail.partition("/")
        title = views_words.incident((domain, category, row.title, ""))
    if row.kind == "asset":
        detail = translate(ASSET_WORDS[detail])
    elif row.kind == "area":
        detail = translate(_AREA_WORDS[detail])
    elif row.since:
        detail = translate("since %(when)s") % {"when": day_time(row.since)}
    return Hit(
        kind=row.kind,
        name=row.name,
        title=title,
        detail=detail,
        address=_address(row),
        rank=row.rank,
        worst=row.worst,
        how=marks.of_base(row.state or ""),
    )


def _address(row: Row) -> str:
    match row.kind:
        case "alarm":
            return f"/alarms/{row.name}"
        case "incident":
            return f"/incidents/{row.name}"
        case "river":
            return f"/sites?{urlencode({'river': row.name})}"
        case "area":
            return f"/sites?{urlencode({'area': row.name})}"
        case _:
            return f"/sites/{quote(row.site)}" if row.site else "/map"


def _find_rules(context: RequestContext, query: str, *, alike: bool) -> Iterator[Hit]:
    for key, recorded in load_latest(context.connection, "rule").items():
        rule = views_list.read_rule(recorded.value)
        title = key if rule is None else views_texts.rule_title(rule)
        fits = rank(query, title, key, alike=alike)
        if fits is not None and recorded.value is not None:  # withdrawn ones have none
            yield Hit(
                kind="rule",
                name=key,
                title=title,
                detail=key,
                address=f"/rules/{quote(key)}",
                rank=fits,
            )


def _find_pages(query: str, pages: Iterable[Page], *, alike: bool) -> Iterator[Hit]:
    for page in pages:
        title = translate(page.title)
        fits = rank(query, title, alike=alike)
        if fits is not None:
            yield Hit(kind="page", name=page.key, title=title, address=page.address, rank=fits)


def _find_headings(query: str, *, alike: bool) -> Iterator[Hit]:
    """Of a document's headings; its title leads to its beginning."""
    for name in documents.names():
        document = documents.read_document(name, current().language)
        for heading in document.headings if document else ():
            fits = rank(query, heading.text, alike=alike)
            if fits is None or document is None:
                continue
            top = heading.level == 1
            yield Hit(
                kind="document",
                name=f"{name}#{heading.anchor}",
                title=heading.text,
                detail="" if top else document.title,
                address=f"/help/{name}" if top else f"/help/{name}#{heading.anchor}",
                rank=max(fits, 1),  # no heading goes before what has just this name
            )
