"""The page for everybody: what is published now. No sign-in, no cookie, no script."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import HTMLResponse

from hypervisor.access.context import RequestContext, RequestSlot, public_context
from hypervisor.access.identity import get_address
from hypervisor.access.throttle import network
from hypervisor.base.errors import NotFoundError
from hypervisor.base.instance import Mode
from hypervisor.base.reader import LANGUAGES, Reader, reading
from hypervisor.feeds.views_official import Official, is_notable, load_official
from hypervisor.publications import queries_messages, views
from hypervisor.publications.model import NoPublicationError
from hypervisor.publications.queries_messages import Selection
from hypervisor.publications.service import load_publisher
from hypervisor.publications.views import CitizenMessage
from hypervisor.web.page import Page
from hypervisor.web.rendering import environment

router = APIRouter()
PAGE: Page | None = None
_FRESH = 30  # s for which others may keep the page


def _open_to_all(request: Request, _turn: RequestSlot) -> Iterator[RequestContext]:
    """What a citizen may see.

    Raises NotFoundError: the page is off, or this is an exercise, which shows nothing to citizens.
    """
    if not request.app.state.settings.public_page:
        raise NotFoundError("this page is off: see HYPERVISOR_PUBLIC_PAGE")
    request.app.state.public_rate.spend(network(get_address(request)))
    for context in public_context(request):
        if context.instance.mode is Mode.EXERCISE:
            raise NotFoundError("this is an exercise: it publishes nothing")
        yield context


Everybody = Annotated[RequestContext, Depends(_open_to_all)]
Language = Annotated[Literal["fr", "en"] | None, Query(alias="lang")]


@router.get("/public")
def show_published(
    context: Everybody,
    request: Request,
    lang: Language = None,
    commune: Annotated[str | None, Query(max_length=10)] = None,
) -> Response:
    """What is in force now, with official colours."""
    now = context.now()
    messages = queries_messages.list_published(context.connection, now, Selection(commune=commune))
    reader = _reader(context, request, lang)
    name = load_publisher(request.app.state.settings, context.instance).name
    with reading(reader):
        texts = [views.build_citizen_message(message, reader, name) for message in messages]
        colours = load_official(context)
        return _render(context, reader, texts=texts, publisher=name, colours=colours)


@router.get("/public/{identifier}")
def show_message(
    context: Everybody,
    request: Request,
    identifier: Annotated[str, Path(max_length=200)],
    lang: Language = None,
) -> Response:
    """One message, also when it is over."""
    stored = queries_messages.find_message(context.connection, identifier)
    if stored is None:
        raise NoPublicationError("there is no message {identifier!r}", identifier)
    message, now = stored[0], context.now()
    current = queries_messages.list_published(context.connection, now)
    over = message.identifier not in {each.identifier for each in current}
    reader = _reader(context, request, lang)
    name = load_publisher(request.app.state.settings, context.instance).name
    with reading(reader):
        text = views.build_citizen_message(message, reader, name, over=over)
        return _render(context, reader, texts=[text], publisher=name, colours=[], alone=True)


def _reader(context: RequestContext, request: Request, lang: str | None) -> Reader:
    """By the address, else by the browser; no cookie is read."""
    words = request.headers.get("accept-language", "").lower().replace(";", ",").split(",")
    spoken = [word.strip()[:2] for word in words if word.strip()[:2] in LANGUAGES]
    return Reader(
        language=lang or (spoken[0] if spoken else LANGUAGES[0]),
        zone=ZoneInfo(context.instance.timezone),
        now=context.now(),
    )


def _render(  # noqa: PLR0913  what the page shows
    context: RequestContext,
    reader: Reader,
    *,
    texts: Sequence[CitizenMessage],
    publisher: str,
    colours: Sequence[Official],
    alone: bool = False,
) -> Response:
    text = (
        environment()
        .get_template("public.html")
        .render(
            reader=reader,
            lang=reader.language,
            instance=context.instance,
            alone=alone,
            texts=texts,
            publisher=publisher,
            colours=colours,
            notable=[colour for colour in colours if is_notable(colour)],
        )
    )
    headers = {"Cache-Control": f"public, max-age={_FRESH}", "Vary": "Accept-Language"}
    return HTMLResponse(text, headers=headers)
