"""CAP 1.2: a published message as an XML document."""

import re
import secrets
from collections.abc import Iterator, Sequence
from urllib.parse import quote, urlsplit
from xml.etree.ElementTree import Element, SubElement, tostring

from hypervisor.publications.hazards import OTHER, load_hazards
from hypervisor.publications.model import (
    CAP_SEVERITIES,
    MessageKind,
    PublishedArea,
    PublishedMessage,
    cap_time,
)
from hypervisor.publications.official import OfficialColour, Outlines

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
MEDIA = "application/cap+xml"
COLOUR = "OFFICIAL-COLOUR"  # a parameter's valueName
_COLOURS = {1: "green", 2: "yellow", 3: "orange", 4: "red"}
_LANGUAGES = {"fr": "fr-FR", "en": "en-GB"}
_CODES = {"commune": "INSEE", "epci": "SIREN", "departement": "INSEE-DEPARTEMENT"}
_NOTES = {
    "Exercise": "EXERCICE : aucun événement réel. / EXERCISE: no real event.",
    "Test": "ESSAI TECHNIQUE : ne pas en tenir compte. / TECHNICAL TEST: disregard.",
    "Draft": "PROJET : non publié. / DRAFT: not published.",
}
_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
Ring = Sequence[tuple[float, float]]  # longitude, latitude; the last is the first


def write_sender(own: str, address: str, instance: str) -> str:
    """CAP's sender: as the settings say, else the host of the console's address, else a name."""
    return re.sub(r"[\s,<&]+", "-", own or urlsplit(address).hostname or instance).strip("-")


def write_identifier(sender: str, publication: int, number: int) -> str:
    """Unique everywhere, also when a database was restored; fits an address."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", sender).strip("-")
    return f"{name}-{publication}-{number}-{secrets.token_hex(4)}"


def write_alert(  # noqa: PLR0913  what a document is made of
    message: PublishedMessage,
    earlier: Sequence[PublishedMessage],
    *,
    publisher_name: str,
    address: str,
    outlines: Outlines,
    official: Sequence[OfficialColour] = (),
    status: str | None = None,
) -> str:
    """The document. `earlier`: messages that it replaces; `status`: another than the message's.

    `official`: colours that stand beside it; its own severity is the publisher's.
    """
    alert = Element("alert", xmlns=NAMESPACE)
    status = status or message.status
    _add(alert, "identifier", message.identifier)
    _add(alert, "sender", message.sender)
    _add(alert, "sent", cap_time(message.sent))
    _add(alert, "status", status)
    _add(alert, "msgType", message.kind.value)
    _add(alert, "scope", "Public")
    _add(alert, "note", _NOTES.get(status, ""))
    _add(alert, "references", " ".join(each.reference for each in earlier))
    for language in ("fr", "en"):
        if message.content.words(language)[0] == language:
            info = _add_info(alert, message, language, publisher_name, address)
            for colour in official:
                _add_colour(info, colour)
            for area in message.areas:
                _add_area(info, area, outlines)
    return _DECLARATION + tostring(alert, encoding="unicode")


def _add_info(
    alert: Element, message: PublishedMessage, language: str, publisher_name: str, address: str
) -> Element:
    content = message.content
    words = content.words(language)[1]
    hazard = load_hazards().get(content.hazard) or load_hazards()[OTHER]
    info = SubElement(alert, "info")
    _add(info, "language", _LANGUAGES[language])
    _add(info, "category", hazard.category)
    _add(info, "event", getattr(hazard.title, language))
    _add(
        info, "responseType", "AllClear" if message.kind is MessageKind.CANCEL else content.response
    )
    _add(info, "urgency", "Past" if message.kind is MessageKind.CANCEL else content.urgency)
    _add(info, "severity", CAP_SEVERITIES[content.severity])
    _add(info, "certainty", content.certainty)
    _add(info, "effective", cap_time(message.sent))
    if content.begins is not None:
        _add(info, "onset", cap_time(content.begins))
    _add(info, "expires", cap_time(message.expires))
    _add(info, "senderName", publisher_name)
    _add(info, "headline", words.headline)
    _add(info, "description", words.description)
    _add(info, "instruction", words.instruction)
    if address:
        _add(info, "web", f"{address}/public/{quote(message.identifier)}")
    return info


def _add_colour(info: Element, colour: OfficialColour) -> None:
    parameter = SubElement(info, "parameter")
    _add(parameter, "valueName", COLOUR)
    parts = (
        *(str(colour.colour), _COLOURS[colour.colour], colour.phenomenon, colour.place),
        *(colour.source, cap_time(colour.issued)),
    )
    _add(parameter, "value", "; ".join(part.replace(";", ",") for part in parts))


def _add_area(info: Element, area: PublishedArea, outlines: Outlines) -> None:
    element = SubElement(info, "area")
    _add(element, "areaDesc", area.name)
    for ring in list_rings([area], outlines):
        _add(element, "polygon", " ".join(f"{lat},{lon}" for lon, lat in ring))
    codes = [(_CODES[area.kind], area.code)]
    if area.kind != "commune":
        codes += [(_CODES["commune"], commune.code) for commune in area.communes]
    for name, code in codes:
        geocode = SubElement(element, "geocode")
        _add(geocode, "valueName", name)
        _add(geocode, "value", code)


def list_rings(areas: Sequence[PublishedArea], outlines: Outlines) -> Iterator[Ring]:
    """The outer rings of the communes of these areas, as far as their outlines are known."""
    for area in areas:
        for commune in area.communes:
            geometry = outlines.get(commune.code, {})
            polygons = geometry.get("coordinates", ())
            if geometry.get("type") == "Polygon":
                polygons = [polygons]
            for polygon in polygons:
                yield [(float(point[0]), float(point[1])) for point in polygon[0]]


def _add(parent: Element, name: str, text: str) -> None:
    """An element, unless there is nothing to say in it."""
    if text:
        SubElement(parent, name).text = text
