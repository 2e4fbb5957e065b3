"""The public page and the strip as HTML, and a message in a citizen's language."""

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from hypervisor.base.instance import Mode
from hypervisor.base.reader import Reader, reading
from hypervisor.citizens.model import Commune, Situation
from hypervisor.publications.model import PublishedMessage
from hypervisor.publications.views import build_message
from hypervisor.web.rendering import environment


@dataclass(frozen=True, kw_only=True)
class PageRequest:
    """What somebody looks at. `commune`: None for all; `text`: what they searched for."""

    language: str
    commune: Commune | None = None
    text: str = ""
    matches: Sequence[Commune] = ()


def render_page(situation: Situation, page: PageRequest, style: str) -> str:
    """What is published, for everybody or for a commune. `style`: the address of the sheet."""
    script = style.removesuffix(".css") + ".js"
    return _render("citizens.html", situation, page, style, script=script)


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
                vigilance=situation.official[page.language],
                calm=shown.assess(page.language),
                style=style,
                **values,
            )
        )
