"""Published messages as an Atom feed (RFC 4287) with GeoRSS, in archived parts (RFC 5005)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from hypervisor.publications.cap import MEDIA as CAP
from hypervisor.publications.cap import NAMESPACE as CAP_NAMESPACE
from hypervisor.publications.cap import list_rings
from hypervisor.publications.hazards import OTHER, load_hazards
from hypervisor.publications.model import PublishedMessage
from hypervisor.publications.official import Outlines

MEDIA = "application/atom+xml"
PART = 50  # messages of an archive; also of the feed
_NAMESPACES = {
    "xmlns": "http://www.w3.org/2005/Atom",
    "xmlns:georss": "http://www.georss.org/georss",
    "xmlns:fh": "http://purl.org/syndication/history/1.0",
}
_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'


@dataclass(frozen=True, kw_only=True)
class Feed:
    """A feed's head. `links`: address by relation; `address`: of the CAP documents.

    `archive`: this part is complete and never changes.
    """

    identifier: str
    title: str
    author: str
    language: str
    licence: str
    updated: datetime
    links: Sequence[tuple[str, str]]
    address: str
    archive: bool = False


def write_feed(feed: Feed, messages: Sequence[PublishedMessage], outlines: Outlines) -> str:
    """The document; messages as given, which is the latest first."""
    root = Element("feed", {**_NAMESPACES, "xml:lang": feed.language})
    _add(root, "id", feed.identifier)
    _add(root, "title", feed.title)
    _add(root, "updated", _time(feed.updated))
    _add(SubElement(root, "author"), "name", feed.author)
    _add(root, "rights", feed.licence)
    if feed.archive:
        SubElement(root, "fh:archive")
    for relation, address in feed.links:
        SubElement(root, "link", rel=relation, type=MEDIA, href=address)
    for message in messages:
        _add_entry(root, feed, message, outlines)
    indent(root)
    return _DECLARATION + tostring(root, encoding="unicode") + "\n"


def _add_entry(root: Element, feed: Feed, message: PublishedMessage, outlines: Outlines) -> None:
    language, words = message.content.words(feed.language)
    hazard = load_hazards().get(message.content.hazard) or load_hazards()[OTHER]
    entry = SubElement(root, "entry", {"xml:lang": language})
    _add(entry, "id", f"{feed.address}/{message.identifier}")
    _add(entry, "title", words.headline)
    _add(entry, "updated", _time(message.sent))
    _add(entry, "published", _time(message.sent))
    _add(entry, "summary", words.description)
    SubElement(
        entry, "link", rel="alternate", type=CAP, href=f"{feed.address}/{message.identifier}"
    )
    label = getattr(hazard.title, language)
    SubElement(entry, "category", term=message.content.hazard, label=label)
    for name, term in (("msgType", message.kind.value), ("status", message.status)):
        SubElement(entry, "category", term=term, scheme=f"{CAP_NAMESPACE}/{name}")
    _add_place(entry, message, outlines)


def _add_place(entry: Element, message: PublishedMessage, outlines: Outlines) -> None:
    """A polygon, or a box around several: an entry has one place."""
    rings = list(list_rings(message.areas, outlines))
    if len(rings) == 1:
        _add(entry, "georss:polygon", " ".join(f"{lat} {lon}" for lon, lat in rings[0]))
    elif rings:
        lons, lats = zip(*(point for ring in rings for point in ring), strict=True)
        _add(entry, "georss:box", f"{min(lats)} {min(lons)} {max(lats)} {max(lons)}")
    _add(entry, "georss:featurename", ", ".join(area.name for area in message.areas))


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _add(parent: Element, name: str, text: str) -> None:
    if text:
        SubElement(parent, name).text = text
