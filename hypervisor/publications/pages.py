"""Publications: the list, one with its preview and signatures, the form of a draft."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Path, Query, Response
from fastapi.responses import RedirectResponse

from hypervisor.access.context import Context, RequestContext
from hypervisor.alarms import queries_list
from hypervisor.base.duties import Duty
from hypervisor.base.instance import Mode
from hypervisor.base.person import Territory
from hypervisor.base.translation import mark
from hypervisor.database.audit import ActError
from hypervisor.feeds.views_official import load_vigilance
from hypervisor.publications import form as forms
from hypervisor.publications import queries, service, views
from hypervisor.publications.form import DraftForm
from hypervisor.publications.hazards import load_hazards
from hypervisor.publications.model import (
    ChangedError,
    MessageKind,
    Publication,
    PublicationAct,
    PublicationError,
)
from hypervisor.publications.service import load_publisher, make_message
from hypervisor.web.budget import DECODING, costs
from hypervisor.web.page import Page
from hypervisor.web.refusals import refusal
from hypervisor.web.rendering import reader_of, render
from hypervisor.web.request import get_settings

router = APIRouter()
PAGE = Page(
    key="publications", title=mark("Publications"), address="/publications", order=14, shortcut="u"
)
_PAGE = 50
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
Entered = Annotated[DraftForm, Form()]
Version = Annotated[int, Form(ge=1)]
Text = Annotated[str, Form(max_length=1_000)]


@router.get("/publications")
def list_publications(
    context: Context, before: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None
) -> Response:
    """Publications that concern the reader's communes, the latest first."""
    rows = queries.list_publications(context.connection, before=before, limit=_PAGE + 1)
    return render(
        context,
        "publications.html",
        rows=rows[:_PAGE],
        more=rows[_PAGE - 1].id if len(rows) > _PAGE else None,
        **_words(context),
    )


@router.get("/publications/new")
def show_new_draft(
    context: Context,
    alarm: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    hazard: Annotated[str, Query(max_length=40)] = "flood",
) -> Response:
    """A form about an alarm, or about a hazard without one."""
    _require_operator(context, alarm)
    entered = (
        forms.begin(context, hazard) if alarm is None else forms.begin_from_alarm(context, alarm)
    )
    return _render_form(context, entered)


@router.post("/publications")
@costs(DECODING)
def write_first_draft(context: Context, entered: Entered) -> Response:
    """Keep a first draft, or (`fill`) take the usual words of the hazard that was chosen."""
    alarm = entered.alarm_number
    _require_operator(context, alarm)

    def save() -> int:
        content = forms.parse_content(context, entered)
        status: Any = entered.status if entered.status in views.STATUSES else "Actual"
        return service.open_draft(
            context, content, reason=entered.reason, status=status, alarm=alarm
        )

    return _keep(context, entered, save)


@router.get("/publications/{number}")
def show_publication(context: Context, number: Number) -> Response:
    """One publication: what citizens will see, what waits, who did what."""
    return _render_publication(context, service.find_publication(context.connection, number))


@router.get("/publications/{number}/edit")
def show_draft(
    context: Context,
    number: Number,
    kind: Annotated[Literal["Update", "Cancel"] | None, Query()] = None,
) -> Response:
    """The form of the draft that waits, or of an update or a cancellation."""
    publication = service.find_publication(context.connection, number)
    draft, latest = publication.draft, publication.latest
    if draft is not None:
        entered = forms.begin_from_content(context, draft.content)
        return _render_form(context, entered, publication, draft.kind)
    if latest is None or kind is None:
        return RedirectResponse(f"/publications/{number}", status_code=303)
    entered = forms.begin_from_message(context, latest, MessageKind(kind))
    return _render_form(context, entered, publication, MessageKind(kind))


@router.post("/publications/{number}/drafts")
@costs(DECODING)
def write_draft(context: Context, number: Number, entered: Entered) -> Response:
    """Keep a draft of an update or a cancellation, or other words of the one that waits."""
    publication = service.find_publication(context.connection, number)
    _require_operator(context, None)

    def save() -> int:
        service.write_draft(
            context,
            number,
            forms.parse_content(context, entered),
            act=PublicationAct.DRAFT if publication.draft is None else PublicationAct.REVISE,
            kind=entered.kind,
            version=entered.version,
            reason=entered.reason,
        )
        return number

    return _keep(context, entered, save, publication)


@router.post("/publications/{number}/steps")
def sign(
    context: Context,
    number: Number,
    act: Annotated[PublicationAct, Form()],
    version: Version,
    reason: Text = "",
) -> Response:
    """The second signature, or the end of a draft."""
    publisher = load_publisher(get_settings(), context.instance)
    _require_operator(context, None)
    try:
        if act is PublicationAct.PUBLISH:
            service.publish(context, number, publisher, version=version, remark=reason)
        elif act is PublicationAct.DISCARD:
            service.discard_draft(context, number, version=version, reason=reason)
    except (PublicationError, ActError) as error:
        context.connection.rollback()
        publication = service.find_publication(context.connection, number)
        return _render_publication(context, publication, wrong=error)
    return RedirectResponse(f"/publications/{number}", status_code=303)


def _require_operator(context: RequestContext, alarm: int | None) -> None:
    if alarm is None:
        context.require_anywhere(Duty.OPERATE)
    else:
        context.require(Duty.OPERATE, alarm=alarm)


def _keep(
    context: RequestContext,
    entered: DraftForm,
    save: Callable[[], int],
    publication: Publication | None = None,
) -> Response:
    """Save what was entered, or show it again with what is wrong."""
    if entered.step == "fill":
        filled = forms.fill_hazard(context, entered)
        return _render_form(context, filled, publication, entered.kind)
    try:
        number = save()
    except (PublicationError, ActError) as error:
        return _render_form(context, entered, publication, entered.kind, wrong=error)
    return RedirectResponse(f"/publications/{number}", status_code=303)


def _render_form(
    context: RequestContext,
    entered: DraftForm,
    publication: Publication | None = None,
    kind: MessageKind = MessageKind.ALERT,
    *,
    wrong: Exception | None = None,
) -> Response:
    held = context.require_anywhere(Duty.OPERATE)
    return render(
        context,
        "publication_form.html",
        status_code=_status_of(wrong),
        wrong=refusal(wrong) if wrong else "",
        entered=entered,
        publication=publication,
        kind=kind,
        areas=queries.list_choices(context.connection, held),
        hazards=load_hazards(),
        **_words(context),
    )


def _render_publication(
    context: RequestContext, publication: Publication, *, wrong: Exception | None = None
) -> Response:
    publisher = load_publisher(get_settings(), context.instance)
    draft, now, reader = publication.draft, context.now(), reader_of(context)
    shown = publication.latest if draft is None else None
    if draft is not None:
        shown = make_message(publication, draft, publisher, now)
    held = context.person.territory(Duty.OPERATE)
    with context.owning() as owner:
        names = queries_list.read_account_titles(owner)
    return render(
        context,
        "publication.html",
        status_code=_status_of(wrong),
        wrong=refusal(wrong) if wrong else "",
        publication=publication,
        draft=draft,
        stale=draft is not None and draft.is_stale(context.clock(), publisher.lifetime),
        lifetime=publisher.lifetime,
        steps={(act.value, kind.value) for act, kind in publication.list_steps(now)},
        may=held.covers(Territory(communes=publication.at_stake)),
        may_discard=draft is not None
        and service.may_discard(publication, context.person.name, held),
        mine=draft is not None and context.person.name in draft.authors,
        previews=views.preview(shown, reader, publisher.name) if shown else {},
        names=names,
        vigilance=load_vigilance(context),
        public=get_settings().public_page == "public" and context.instance.mode is Mode.LIVE,
        **_words(context),
    )


def _status_of(wrong: Exception | None) -> int:
    if wrong is None:
        return 200
    return 409 if isinstance(wrong, ChangedError) else 422


def _words(context: RequestContext) -> Mapping[str, Any]:
    return {
        "v": views,
        "operator": context.person.may(Duty.OPERATE),
        "state_of": lambda publication: publication.state(context.now()),
    }
