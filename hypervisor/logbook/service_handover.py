"""Shift hand-over: offered with one signature, taken with the other, or withdrawn."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from hypervisor.access.context import RequestContext
from hypervisor.base.duties import Duty
from hypervisor.base.instants import EPOCH
from hypervisor.database import audit
from hypervisor.database.connect import Connection
from hypervisor.logbook import handover_page, queries_handovers
from hypervisor.logbook.model import Handover, HandoverError, NoEntryError
from hypervisor.logbook.service import find_area

Step = Literal["take", "withdraw"]
_STATE_AFTER: Mapping[Step, str] = {"take": "taken", "withdraw": "withdrawn"}


def build_page(context: RequestContext) -> dict[str, Any]:
    """The hand-over page of the person's territory.

    Raises ForbiddenError: the person is an operator nowhere.
    """
    return handover_page.build_page(
        context.connection,
        since=find_shift_start(context),
        wall=context.clock(),
        outlook=handover_page.read_forecast(context),
    )


def find_shift_start(context: RequestContext) -> datetime:
    """When the shift began (wall clock): at the previous hand-over, if any."""
    before = queries_handovers.find_latest(context.connection, find_area(context))
    return before.closed_at if before and before.closed_at else EPOCH


def find_waiting(context: RequestContext) -> Handover | None:
    """The hand-over of the person's territory that awaits its second signature.

    None: there is none, or they are an operator nowhere.
    """
    if not context.person.may(Duty.OPERATE):
        return None
    return queries_handovers.find_offered(context.connection, find_area(context))


def offer(context: RequestContext, note: str) -> Handover:
    """Offer a hand-over of the person's territory.

    Raises HandoverError: another one is on offer.
    """
    area, page = find_area(context), build_page(context)
    with context.writing() as connection:
        return offer_handover(
            connection, page, author=context.person.name, note=note, area=area, now=context.clock()
        )


def sign(
    context: RequestContext, number: int, step: Step, *, signed: str | None, remark: str
) -> Handover:
    """Take over, or withdraw the offer.

    Raises:
        HandoverError: its state or the person does not allow this.
        NoEntryError: no such hand-over is visible.
    """
    context.require(Duty.OPERATE, area=find_handover(context.connection, number).area)
    with context.writing() as connection:
        return apply_step(
            connection,
            number,
            step,
            author=context.person.name,
            signed=signed,
            remark=remark,
            now=context.clock(),
        )


def offer_handover(  # noqa: PLR0913  what a signature is made of
    connection: Connection,
    page: Mapping[str, Any],
    *,
    author: str,
    note: str,
    area: str | None,
    now: datetime,
) -> Handover:
    """Freeze the page and sign it as the outgoing shift.

    Raises HandoverError: another one of the same territory is on offer.
    """
    offered = queries_handovers.find_offered(connection, area)
    if offered is not None:
        raise HandoverError(
            "{who} has already offered a hand-over (number {n});"
            " take it, or ask them to withdraw it",
            offered.offered_by,
            offered.id,
        )
    before = queries_handovers.find_latest(connection, area)
    number = queries_handovers.insert_handover(
        connection,
        page,
        author=author,
        note=note.strip(),
        area=area,
        begins=before.closed_at if before else None,
        digest=compute_digest(page, note.strip()),
        now=now,
    )
    _audit(connection, number, "offer", author)
    return find_handover(connection, number)


def apply_step(  # noqa: PLR0913  what a signature is made of
    connection: Connection,
    number: int,
    step: Step,
    *,
    author: str,
    signed: str | None = None,
    remark: str = "",
    now: datetime,
) -> Handover:
    """Take a hand-over (`signed`: the digest of the page read) or withdraw it.

    Raises:
        HandoverError: its state, or the person, does not allow it.
        NoEntryError: no such hand-over.
    """
    handover = find_handover(connection, number)
    after = _STATE_AFTER[step]
    if handover.state != "offered":
        raise HandoverError(
            "hand-over {n} is {state}: it cannot be {what}", number, handover.state, after
        )
    if step == "take" and author == handover.offered_by:
        raise HandoverError("the same person cannot sign twice: the next shift signs here")
    if step == "take" and signed != handover.digest:
        raise HandoverError("the page you read is not the one on offer: read it again")
    if step == "withdraw" and author != handover.offered_by:
        raise HandoverError("only {who}, who offered it, can withdraw it", handover.offered_by)
    if not queries_handovers.close_handover(
        connection, number, after, author=author, remark=remark, now=now
    ):
        raise HandoverError("hand-over {n} was changed meanwhile: reload it", number)
    _audit(connection, number, step, author)
    return find_handover(connection, number)


def compute_digest(page: Mapping[str, Any], note: str) -> str:
    """The digest of page and note that both sign."""
    dumps = json.dumps([page, note], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(dumps.encode()).hexdigest()[:16]


def _audit(connection: Connection, number: int, what: str, author: str) -> None:
    audit.record(
        connection, kind="handover", subject=f"handover/{number}", reason=what, author=author
    )


def find_handover(connection: Connection, number: int) -> Handover:
    """A hand-over by its number. Raises NoEntryError: no such hand-over is visible."""
    handover = queries_handovers.find_handover(connection, number)
    if handover is None:
        raise NoEntryError("no hand-over has the number {n}", number)
    return handover
