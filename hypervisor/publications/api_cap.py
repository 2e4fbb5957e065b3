"""Routes of CAP 1.2 and its Atom feed: /cap."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime
from http import HTTPStatus
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, FastAPI, Path, Query, Request, Response

from hypervisor.access.context import NOBODY, RequestContext
from hypervisor.access.errors import UnauthenticatedError
from hypervisor.base.instance import Mode
from hypervisor.geography.queries import list_outlines
from hypervisor.publications import atom, cap, queries_messages
from hypervisor.publications.atom import Feed
from hypervisor.publications.model import PublishedMessage, Status
from hypervisor.publications.queries_messages import Selection
from hypervisor.publications.service import load_publisher
from hypervisor.standards import access
from hypervisor.standards.access import open_output
from hypervisor.standards.model import NoResourceError
from hypervisor.web import problems
from hypervisor.web.conditional_get import fresh

PREFIX = "/cap"
_FRESH = 30  # s for which others may keep an answer
router = APIRouter(prefix=PREFIX, include_in_schema=False)


def _require_reader(
    context: Annotated[RequestContext, Depends(open_output("cap"))],
) -> RequestContext:
    """In an exercise a token is required, whatever the settings say."""
    if context.instance.mode is Mode.EXERCISE and context.person.account == NOBODY:
        raise UnauthenticatedError("this is an exercise: it publishes only to holders of a token")
    return context


Context = Annotated[RequestContext, Depends(_require_reader)]
Commune = Annotated[str | None, Query(max_length=10, description="An INSEE code.")]
Language = Annotated[Literal["fr", "en"], Query(alias="lang")]
ChosenStatus = Annotated[Status | None, Query(alias="status")]


def install(app: FastAPI) -> None:
    """Serve it beside the API."""
    access.install(app, PREFIX, answer_error)
    app.include_router(router)


def answer_error(request: Request, status: HTTPStatus, detail: str) -> Response:
    """An error as problem+json."""
    return problems.describe_problem(request, status, detail)


@router.get("/feed.atom")
def get_feed(  # noqa: PLR0913  one argument a parameter
    context: Context,
    request: Request,
    *,
    commune: Commune = None,
    lang: Language = "fr",
    status: ChosenStatus = None,
    archive: Annotated[int | None, Query(ge=1, le=10**9)] = None,
) -> Response:
    """The latest messages, or a part of the earlier ones, which never changes."""
    selection = Selection(commune=commune, status=status or _usual_status(context))
    mark = queries_messages.find_mark(context.connection, context.now(), selection)
    full = mark.count // atom.PART
    if archive is not None and archive > full:
        raise NoResourceError("there is no archive {number}", archive)
    first = max(0, mark.count - atom.PART) if archive is None else (archive - 1) * atom.PART
    before = full if archive is None else archive - 1

    def list_messages() -> Sequence[PublishedMessage]:
        return queries_messages.list_part(context.connection, first, atom.PART, selection)

    page = FeedRequest(
        context=context,
        request=request,
        name="feed.atom",
        language=lang,
        chosen={"commune": commune, "status": status},
    )
    links = [("self", page.write_address(archive))]
    if archive is not None:
        links.append(("current", page.write_address()))
        if archive < full:
            links.append(("next-archive", page.write_address(archive + 1)))
    if before:
        links.append(("prev-archive", page.write_address(before)))
    if archive is None:
        return page.answer(list_messages, links, changed=mark.sent, tag=str(mark.count))
    messages = list_messages()
    changed = messages[0].sent
    return page.answer(lambda: messages, links, changed=changed, tag=f"archive {full}", kept=True)


@router.get("/current.atom")
def get_current(
    context: Context,
    request: Request,
    *,
    commune: Commune = None,
    lang: Language = "fr",
    status: ChosenStatus = None,
) -> Response:
    """The messages in force now."""
    now = context.now()
    selection = Selection(commune=commune, status=status or _usual_status(context))
    messages = queries_messages.list_published(context.connection, now, selection)
    mark = queries_messages.find_mark(context.connection, now, selection)
    page = FeedRequest(
        context=context,
        request=request,
        name="current.atom",
        language=lang,
        chosen={"commune": commune, "status": status},
    )
    links = [("self", page.write_address()), ("related", f"{page.base}/feed.atom")]
    tag = " ".join(message.identifier for message in messages)
    return page.answer(lambda: messages, links, changed=mark.changed, tag=tag)


@router.get("/alerts/{identifier}")
def get_alert(
    context: Context, request: Request, identifier: Annotated[str, Path(max_length=200)]
) -> Response:
    """A message as a CAP document, which never changes."""
    stored = queries_messages.find_message(context.connection, identifier)
    if stored is None:
        raise NoResourceError("there is no message {identifier!r}", identifier)
    message, xml = stored
    return _answer(
        context, request, identifier, message.sent, lambda: Response(xml, media_type=cap.MEDIA)
    )


@dataclass(frozen=True, kw_only=True)
class FeedRequest:
    """A request for a feed. `chosen`: its parameters besides the language."""

    context: RequestContext
    request: Request
    name: str
    language: str
    chosen: Mapping[str, str | None]

    @property
    def base(self) -> str:
        """The address of these routes, as others reach them."""
        own: str = self.request.app.state.settings.public_url
        return (own or str(self.request.base_url)).rstrip("/") + PREFIX

    def write_address(self, archive: int | None = None) -> str:
        """Of the feed, or of one of its archives."""
        given = {"lang": self.language, **self.chosen, "archive": archive}
        words = urlencode({key: value for key, value in given.items() if value is not None})
        return f"{self.base}/{self.name}?{words}"

    def answer(
        self,
        list_messages: Callable[[], Sequence[PublishedMessage]],
        links: Sequence[tuple[str, str]],
        *,
        changed: datetime,
        tag: str,
        kept: bool = False,
    ) -> Response:
        """The feed, unless the caller has it. `kept`: an archive."""
        settings = self.request.app.state.settings
        publisher = load_publisher(settings, self.context.instance)

        def write() -> Response:
            feed = Feed(
                identifier=self.write_address(),
                title=publisher.name,
                author=publisher.name,
                language=self.language,
                licence=settings.licence,
                updated=changed,
                links=links,
                address=f"{self.base}/alerts",
                archive=kept,
            )
            messages = list_messages()
            communes = {code for message in messages for code in message.communes}
            outlines = list_outlines(self.context.connection, sorted(communes))
            return Response(atom.write_feed(feed, messages, outlines), media_type=atom.MEDIA)

        return _answer(self.context, self.request, f"{links[0][1]} {tag}", changed, write)


def _answer(
    context: RequestContext,
    request: Request,
    content: str,
    changed: datetime,
    write: Callable[[], Response],
) -> Response:
    """The answer, or that the caller has it. `content`: tells one version from another."""
    digest = hashlib.blake2b(content.encode(), digest_size=12).hexdigest()
    tag = f'W/"{digest}"'
    changed = changed.replace(microsecond=0)
    unchanged = _is_unchanged(request, tag, changed)
    response = Response(status_code=HTTPStatus.NOT_MODIFIED) if unchanged else write()
    response.headers["ETag"] = tag
    response.headers["Last-Modified"] = format_datetime(changed, usegmt=True)
    open_to_all = context.person.account == NOBODY
    response.headers["Cache-Control"] = (
        f"public, max-age={_FRESH}" if open_to_all else "private, no-cache"
    )
    response.headers["Vary"] = "Authorization, Cookie"
    access.describe(request, response, "cap")
    return response


def _is_unchanged(request: Request, tag: str, changed: datetime) -> bool:
    """Tags count before times, as HTTP has it."""
    tags = request.headers.get("if-none-match")
    if tags is not None:
        return fresh(tags, tag)
    try:
        since = parsedate_to_datetime(request.headers.get("if-modified-since", ""))
    except ValueError:
        return False
    return since.tzinfo is not None and changed <= since


def _usual_status(context: RequestContext) -> Status:
    return "Exercise" if context.instance.mode is Mode.EXERCISE else "Actual"
