"""Routes of commands: what can be commanded, give, sign, cancel, list."""

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from hypervisor.access.context import Context, RequestContext
from hypervisor.commands import queries, service_people
from hypervisor.commands.model import Command, CommandState, NoCommandError
from hypervisor.commands.queries import CommandFilter
from hypervisor.commands.schemas import (
    CommandDetailBody,
    CommandKindsBody,
    CommandPost,
    CommandsBody,
    CommandStepPost,
    describe,
    describe_event,
    describe_kinds,
)
from hypervisor.commands.service import Order
from hypervisor.web import times
from hypervisor.web.budget import ROWS, costs
from hypervisor.web.paging import CursorError, Page
from hypervisor.web.problems import responses
from hypervisor.web.times import text

router = APIRouter(prefix="/commands", tags=["commands"])


@router.get("/kinds")
def list_kinds(context: Context) -> CommandKindsBody:
    """The commands that devices understand."""
    return CommandKindsBody(mode=context.mode, kinds=describe_kinds(context.catalogue))


@router.get("", responses=responses(422))
@costs(ROWS)
def list_commands(  # noqa: PLR0913  one argument a filter
    context: Context,
    *,
    state: CommandState | None = None,
    open: Annotated[  # noqa: A002  the name of the filter
        bool | None, Query(description="Whether their life goes on.")
    ] = None,
    site: Annotated[str | None, Query(examples=["toulouse"])] = None,
    device: Annotated[str | None, Query(examples=["lamp-12"])] = None,
    kind: Annotated[str | None, Query(examples=["dim"])] = None,
    alarm: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    batch: UUID | None = None,
    page: Page,
) -> CommandsBody:
    """Commands to the devices that you see, the latest first."""
    rows = queries.list_commands(
        context.connection,
        CommandFilter(
            state=state, open=open, site=site, device=device, kind=kind, alarm=alarm, batch=batch
        ),
        behind=_parse_key(page.after(str, str)),
        limit=page.limit + 1,
    )
    rows, following = page.take(rows, lambda row: (text(row.drafted_at), str(row.id)))
    return CommandsBody(
        mode=context.mode,
        commands=[describe(row, context.catalogue) for row in rows],
        next=following,
    )


def _parse_key(key: tuple[str, str] | None) -> tuple[datetime, UUID] | None:
    if key is None:
        return None
    at = times.parse(key[0])
    try:
        identifier = UUID(key[1])
    except ValueError:
        at = None
    if at is None:
        raise CursorError("cursor: not one of ours; take it from `next` as it is")
    return at, identifier


@router.get("/{key}", responses=responses(404, 422))
def get_command(context: Context, key: UUID) -> CommandDetailBody:
    """One command with its life."""
    commands = queries.list_by_id(context.connection, [key])
    if not commands:
        raise NoCommandError("there is no command {id}", key)
    return CommandDetailBody(
        mode=context.mode,
        command=describe(commands[0], context.catalogue),
        events=[describe_event(event) for event in queries.list_events(context.connection, key)],
    )


@router.post("", status_code=201, responses=responses(403, 404, 422))
def post_order(context: Context, post: CommandPost) -> CommandsBody:
    """Command a device, or all devices of a group that obey; it is sent when it is signed."""
    order = Order(
        kind=post.kind,
        target=post.target,
        parameters=post.parameters,
        author=context.person.name,
        reason=post.reason,
        key=post.key,
        valid_for=None if post.valid_seconds is None else timedelta(seconds=post.valid_seconds),
        alarm=post.alarm,
        override=post.override,
    )
    return _answer(context, service_people.give_order(context, order))


@router.post("/{key}/steps", responses=responses(403, 404, 422))
def post_step(context: Context, key: UUID, post: CommandStepPost) -> CommandsBody:
    """Countersign (a person who is signed in, no program) or cancel: a command, or its batch.

    422: its state does not allow it, or its author signs; see `detail`.
    """
    if post.act == "sign":
        commands = service_people.sign_order(context, key, remark=post.reason)
    else:
        commands = service_people.cancel_order(context, key, reason=post.reason)
    return _answer(context, commands)


def _answer(context: RequestContext, commands: list[Command]) -> CommandsBody:
    return CommandsBody(
        mode=context.mode, commands=[describe(each, context.catalogue) for each in commands]
    )
