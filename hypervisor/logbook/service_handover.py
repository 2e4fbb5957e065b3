"""The hand-over of a shift: offered with one signature, taken with the other, or withdrawn."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from hypervisor.database import audit
from hypervisor.database.connect import Connection
from hypervisor.logbook import queries_handovers
from hypervisor.logbook.errors import HandoverError, NoEntryError
from hypervisor.logbook.queries_handovers import Handover


class HandoverState(StrEnum):
    """Where it stands."""

    OFFERED = "offered"  # signed by who goes
    TAKEN = "taken"  # signed by who comes, too
    WITHDRAWN = "withdrawn"


class Step(StrEnum):
    """What is done to one that is there."""

    TAKE = "take"
    WITHDRAW = "withdraw"


STEPS: Mapping[tuple[HandoverState, Step], HandoverState] = {
    (HandoverState.OFFERED, Step.TAKE): HandoverState.TAKEN,
    (HandoverState.OFFERED, Step.WITHDRAW): HandoverState.WITHDRAWN,
}


def digest(page: Mapping[str, Any], note: str) -> str:
    """What both sign: a short mark of all that the page says."""
    dumps = json.dumps([page, note], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(dumps.encode()).hexdigest()[:16]


def offer(  # noqa: PLR0913  what a signature is made of
    connection: Connection,
    page: Mapping[str, Any],
    *,
    author: str,
    note: str,
    area: str | None,
    now: datetime,
) -> Handover:
    """Freeze the page and sign it as who goes.

    Raises:
        HandoverError: another one of the same territory is on offer.
    """
    standing = queries_handovers.offered(connection, area)
    if standing is not None:
        raise HandoverError(
            f"{standing.offered_by} has offered a hand-over already (number {standing.id});"
            " take it, or let them withdraw it"
        )
    before = queries_handovers.latest(connection, area)
    number = queries_handovers.insert(
        connection,
        page,
        author=author,
        note=note.strip(),
        area=area,
        begins=before.closed_at if before and before.closed_at else None,
        digest=digest(page, note.strip()),
        now=now,
    )
    _audit(connection, number, "offer", author)
    return _one(connection, number)


def step(  # noqa: PLR0913  what a signature is made of
    connection: Connection,
    number: int,
    what: Step,
    *,
    author: str,
    signed: str | None = None,
    remark: str = "",
    now: datetime,
) -> Handover:
    """Take it (`signed`: the mark of the page that was read) or withdraw it.

    Raises:
        HandoverError: its state, or the person, does not allow it.
        NoEntryError: there is none of this number.
    """
    handover = _one(connection, number)
    after = STEPS.get((HandoverState(handover.state), what))
    if after is None:
        raise HandoverError(f"hand-over {number} is {handover.state}: it cannot be {_PAST[what]}")
    if what is Step.TAKE and author == handover.offered_by:
        raise HandoverError(
            "who goes cannot take over from themselves; the second signature is another's"
        )
    if what is Step.TAKE and signed != handover.digest:
        raise HandoverError("the page that was read is not the one that was offered; read it again")
    if what is Step.WITHDRAW and author != handover.offered_by:
        raise HandoverError(f"only {handover.offered_by}, who offered it, can withdraw it")
    if not queries_handovers.close(
        connection, number, str(after), author=author, remark=remark, now=now
    ):
        raise HandoverError(f"hand-over {number} was changed meanwhile; look at it again")
    _audit(connection, number, str(what), author)
    return _one(connection, number)


_PAST: Mapping[Step, str] = {Step.TAKE: "taken", Step.WITHDRAW: "withdrawn"}


def _audit(connection: Connection, number: int, what: str, author: str) -> None:
    audit.record(
        connection, kind="handover", subject=f"handover/{number}", reason=what, author=author
    )


def _one(connection: Connection, number: int) -> Handover:
    handover = queries_handovers.one(connection, number)
    if handover is None:
        raise NoEntryError(f"no hand-over has the number {number}")
    return handover
