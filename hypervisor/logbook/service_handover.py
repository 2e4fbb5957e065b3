"""Shift hand-over: offered with one signature, taken with the other, or withdrawn."""

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
from hypervisor.logbook.model import Handover


class HandoverState(StrEnum):
    """The state of a hand-over."""

    OFFERED = "offered"  # signed by the outgoing shift
    TAKEN = "taken"  # signed by the incoming shift too
    WITHDRAWN = "withdrawn"


class Step(StrEnum):
    """A step on an existing hand-over."""

    TAKE = "take"
    WITHDRAW = "withdraw"


STEPS: Mapping[tuple[HandoverState, Step], HandoverState] = {
    (HandoverState.OFFERED, Step.TAKE): HandoverState.TAKEN,
    (HandoverState.OFFERED, Step.WITHDRAW): HandoverState.WITHDRAWN,
}


def compute_digest(page: Mapping[str, Any], note: str) -> str:
    """The digest of page and note that both sign."""
    dumps = json.dumps([page, note], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(dumps.encode()).hexdigest()[:16]


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

    Raises:
        HandoverError: another one of the same territory is on offer.
    """
    standing = queries_handovers.find_offered(connection, area)
    if standing is not None:
        raise HandoverError(
            f"{standing.offered_by} has offered a hand-over already (number {standing.id});"
            " take it, or let them withdraw it"
        )
    before = queries_handovers.find_latest(connection, area)
    number = queries_handovers.insert_handover(
        connection,
        page,
        author=author,
        note=note.strip(),
        area=area,
        begins=before.closed_at if before and before.closed_at else None,
        digest=compute_digest(page, note.strip()),
        now=now,
    )
    _audit(connection, number, "offer", author)
    return _find_handover(connection, number)


def apply_step(  # noqa: PLR0913  what a signature is made of
    connection: Connection,
    number: int,
    what: Step,
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
    handover = _find_handover(connection, number)
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
    if not queries_handovers.close_handover(
        connection, number, str(after), author=author, remark=remark, now=now
    ):
        raise HandoverError(f"hand-over {number} was changed meanwhile; look at it again")
    _audit(connection, number, str(what), author)
    return _find_handover(connection, number)


_PAST: Mapping[Step, str] = {Step.TAKE: "taken", Step.WITHDRAW: "withdrawn"}


def _audit(connection: Connection, number: int, what: str, author: str) -> None:
    audit.record(
        connection, kind="handover", subject=f"handover/{number}", reason=what, author=author
    )


def _find_handover(connection: Connection, number: int) -> Handover:
    handover = queries_handovers.find_handover(connection, number)
    if handover is None:
        raise NoEntryError(f"no hand-over has the number {number}")
    return handover
