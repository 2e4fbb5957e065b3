"""A new instance's territory from official services, chosen by its département."""

from typing import Annotated

from fastapi import APIRouter, Form, Response
from fastapi.responses import RedirectResponse

from hypervisor.access.context import ConfirmedContext, Context, RequestContext
from hypervisor.base.duties import Duty
from hypervisor.feeds import collect, communes, hubeau, vigicrues
from hypervisor.feeds.poll import address_of
from hypervisor.feeds.territory import apply_start, read_start
from hypervisor.registry.departements import NAMES
from hypervisor.web.page import Page
from hypervisor.web.refusals import refusal
from hypervisor.web.rendering import render
from hypervisor.web.request import get_settings
from sensors._errors import TerritoryError

router = APIRouter()
PAGE: Page | None = None
Code = Annotated[str, Form()]  # any text: accounts that may not start one are refused first


@router.get("/admin/territory")
def show_form(context: Context) -> Response:
    """The département, and which services will be asked."""
    context.require(Duty.ADMINISTER)
    return _render(context)


@router.post("/admin/territory")
def start(context: ConfirmedContext, departement: Code = "") -> Response:
    """Ask the services, and write what they say; takes up to a minute."""
    context.require(Duty.ADMINISTER)
    settings = get_settings()
    if not collect.may_ask(context.connection, settings):
        return _render(context, wrong=True)
    try:
        begun = read_start(settings, departement, say=lambda _text: None)
        with context.writing() as connection:
            apply_start(connection, begun, author=context.person.name, now=context.now())
    except TerritoryError as error:
        return _render(context, departement=departement, problems=[refusal(error)])
    if begun.notes:
        return _render(
            context, departement=departement, problems=[refusal(note) for note in begun.notes]
        )
    return RedirectResponse("/now", status_code=303)


def _render(
    context: RequestContext,
    *,
    departement: str = "",
    problems: list[str] | None = None,
    wrong: bool = False,
) -> Response:
    settings = get_settings()
    asks = not wrong and collect.may_ask(context.connection, settings)
    return render(
        context,
        "territory.html",
        status_code=422 if problems else 200,
        departements=NAMES,
        departement=departement,
        problems=problems or [],
        asks=asks,
        sources=[
            (feed.source, address_of(feed, settings), feed.licence)
            for feed in (communes.FEED, hubeau.FEED, vigicrues.FEED)
        ],
    )
