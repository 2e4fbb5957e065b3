"""The public page and the strip as HTML, and a message in a citizen's language."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from hypervisor.base.instance import Mode
from hypervisor.base.reader import Reader, reading
from hypervisor.base.translation import mark
from hypervisor.base.translation import translate as _
from hypervisor.citizens.model import Commune, Situation
from hypervisor.feeds.views_official import is_notable
from hypervisor.publications.hazards import OTHER, load_hazards
from hypervisor.publications.model import MessageKind, PublishedMessage
from hypervisor.web import marks
from hypervisor.web.rendering import environment

_SEVERITIES: Mapping[str, str] = {
    "critical": mark("Extreme danger"),
    "major": mark("Severe danger"),
    "minor": mark("Moderate danger"),
    "info": mark("Information"),
}


@dataclass(frozen=True, kw_only=True)
class CitizenMessage:
    """A message in one language: `language` is that of its words. `over`: it no longer holds."""

    language: str
    identifier: str
    hazard: str
    severity: str
    rank: int
    headline: str
    description: Sequence[str]
    instruction: Sequence[str]
    areas: Sequence[str]
    sent: datetime
    begins: datetime | None
    expires: datetime
    cancelled: bool
    over: bool


@dataclass(frozen=True, kw_only=True)
class PageRequest:
    """What somebody looks at. `commune`: None for all; `text`: what they searched for."""

    language: str
    commune: Commune | None = None
    text: str = ""
    matches: Sequence[Commune] = ()


def build_message(message: PublishedMessage, language: str, *, over: bool) -> CitizenMessage:
    """A message in this language as far as it was written in it; within `reading`."""
    written, words = message.content.words(language)
    hazards = load_hazards()
    hazard = hazards.get(message.content.hazard) or hazards[OTHER]
    cancelled = message.kind is MessageKind.CANCEL
    return CitizenMessage(
        language=written,
        identifier=message.identifier,
        hazard=getattr(hazard.title, language),
        severity=_(_SEVERITIES[message.content.severity]),
        rank=marks.priority(message.content.severity),
        headline=words.headline,
        description=[line for line in words.description.split("\n") if line.strip()],
        instruction=[line for line in words.instruction.split("\n") if line.strip()],
        areas=[area.name for area in message.areas],
        sent=message.sent,
        begins=message.content.begins,
        expires=message.expires,
        cancelled=cancelled,
        over=over or cancelled,
    )


def render_page(situation: Situation, page: PageRequest, style: str) -> str:
    """What is published, for everybody or for a commune. `style`: the address of the sheet."""
    return _render("citizens.html", situation, page, style)


def render_strip(situation: Situation, page: PageRequest, style: str) -> str:
    """A short document for a frame on another site."""
    return _render("citizens_strip.html", situation, page, style)


def render_fragment(situation: Situation, page: PageRequest, style: str) -> str:
    """The same as HTML without a document, for sites that include it."""
    return _render("parts/citizens_strip.html", situation, page, style)


def render_message(
    situation: Situation, message: PublishedMessage, language: str, style: str
) -> str:
    """One message, also one that is over."""
    over = message.id not in {each.id for each in situation.messages}
    page = PageRequest(language=language)
    with reading(_make_reader(situation, language)):
        text = build_message(message, language, over=over)
    return _render("citizens_message.html", situation, page, style, text=text)


def render_subscription(
    situation: Situation, page: PageRequest, style: str, *, state: str, **values: object
) -> str:
    """What a subscriber did, or is about to do. `state`: as the template names it."""
    return _render("citizens_subscription.html", situation, page, style, state=state, **values)


def _make_reader(situation: Situation, language: str) -> Reader:
    zone = ZoneInfo(situation.instance.timezone)
    return Reader(language=language, zone=zone, now=situation.checked)


def _render(
    template: str, situation: Situation, page: PageRequest, style: str, **values: object
) -> str:
    shown = situation.select(page.commune.code if page.commune else None)
    with reading(_make_reader(situation, page.language)):
        official = situation.official[page.language]
        return (
            environment()
            .get_template(template)
            .render(
                lang=page.language,
                page=page,
                situation=situation,
                exercise=situation.instance.mode is Mode.EXERCISE,
                texts=[build_message(each, page.language, over=False) for each in shown.messages],
                closures=shown.closures,
                official=official,
                notable=[each for each in official if is_notable(each)],
                style=style,
                **values,
            )
        )
