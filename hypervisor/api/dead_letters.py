"""Dead letters: what ingest refused, with its bytes and the reason; and sending it again."""

import base64
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from hypervisor import ingesting
from hypervisor.accounts.duties import Duty
from hypervisor.api.access import Access, Asked
from hypervisor.api.letter_shapes import (
    LetterBody,
    LetterDetailBody,
    LettersBody,
    ReasonBody,
    ReasonsBody,
    RedriveBody,
    RedrivenBody,
    RedrivePost,
)
from hypervisor.api.paging import Page
from hypervisor.api.problems import NotFoundError, responses
from hypervisor.redriving import parse_shift
from hypervisor.redriving import redrive as send_again
from hypervisor.settings import Settings
from hypervisor.store import audit
from hypervisor.store.intake import dead_letters
from hypervisor.store.intake.dead_letters import DeadLetter

router = APIRouter(prefix="/dead-letters", tags=["dead letters"])

MOST = 1_000  # letters that one request sends through again
_CHUNK = 200  # letters a transaction
Number = Annotated[int, Path(ge=1, le=2**63 - 1, examples=[31])]


@router.get("", responses=responses())
def every(
    asked: Asked,
    page: Page,
    *,
    reason: Annotated[str | None, Query(examples=["unknown-device"])] = None,
    topic: Annotated[str | None, Query(examples=["devices/yvette-gif/readings"])] = None,
    waiting: Annotated[bool, Query(description="False: also those that went through.")] = True,
) -> LettersBody:
    """Dead letters, the latest first."""
    key = page.after(int)
    rows = dead_letters.latest(
        asked.connection,
        reason=reason,
        topic=topic,
        waiting=waiting,
        before=key[0] if key else None,
        limit=page.limit + 1,
    )
    some, following = page.told(rows, lambda row: (row.id,))
    return LettersBody(mode=asked.mode, letters=[body(row) for row in some], next=following)


@router.get("/reasons", responses=responses())
def reasons(asked: Asked) -> ReasonsBody:
    """How many were refused for which reason."""
    found = dead_letters.counts(asked.connection)
    return ReasonsBody(
        mode=asked.mode,
        reasons=[
            ReasonBody(reason=reason, waiting=waiting, redriven=done)
            for reason, waiting, done in found
        ],
    )


@router.get("/{number}", responses=responses(404))
def one(asked: Asked, number: Number) -> LetterDetailBody:
    """One letter with its payload."""
    found = dead_letters.one(asked.connection, number)
    if found is None:
        raise NotFoundError(f"no dead letter has the number {number}")
    return LetterDetailBody(
        mode=asked.mode,
        letter=body(found),
        base64=base64.b64encode(found.payload).decode(),
        text=readable(found.payload),
    )


@router.post("/redrive", responses=responses(404))
def redrive(asked: Asked, request: Request, post: RedrivePost) -> RedriveBody:
    """Send letters through decoding, checks and store again; they keep their arrival.

    What is still refused waits on, with what was wrong this time.
    """
    asked.require(Duty.OPERATE)
    return sent_again(asked, request, post)


def sent_again(asked: Access, request: Request, post: RedrivePost) -> RedriveBody:
    """The same, for the page."""
    moved = parse_shift(post.shift)
    found = _chosen(asked, post)
    now, later = found[:MOST], found[MOST:]
    outcomes: list[RedrivenBody] = []
    with ingesting.checking(settings_of(request)) as by:
        audit.record(
            by.connection,
            kind="redrive",
            subject=post.topic or post.reason or f"{len(now)} letters",
            reason=post.why,
            author=asked.person.name,
            details={"letters": [one.id for one in now][:100], "shift": post.shift},
        )
        by.connection.commit()
        for start in range(0, len(now), _CHUNK):
            outcomes += [
                RedrivenBody(
                    id=one.letter.id, readings=one.readings, done=one.done, outcome=one.text
                )
                for one in send_again(by, now[start : start + _CHUNK], shift=moved)
            ]
            by.connection.commit()
    return RedriveBody(
        mode=asked.mode,
        letters=outcomes,
        readings=sum(one.readings for one in outcomes),
        left=len(later),
    )


def _chosen(asked: Access, post: RedrivePost) -> list[DeadLetter]:
    if not post.ids:
        return dead_letters.find(asked.connection, reason=post.reason, topic=post.topic, limit=None)
    found: list[DeadLetter] = []
    for number in dict.fromkeys(post.ids):
        letter = dead_letters.one(asked.connection, number)
        if letter is None:
            raise NotFoundError(f"no dead letter has the number {number}")
        if letter.redriven_at is None:
            found.append(letter)
    return found


def settings_of(request: Request) -> Settings:
    """The instance's settings, where it was started with them; else the usual ones."""
    known: Settings | None = getattr(request.app.state, "settings", None)
    return known or Settings(database_url=request.app.state.database_url)


def readable(payload: bytes) -> str | None:
    """As text, where it is one that people read."""
    try:
        found = payload.decode()
    except UnicodeDecodeError:
        return None
    return found if all(char.isprintable() or char in "\r\n\t" for char in found) else None


def body(row: DeadLetter) -> LetterBody:
    return LetterBody(
        id=row.id,
        topic=row.topic,
        size=len(row.payload),
        reason=row.reason,
        detail=row.detail,
        received_at=row.received_at,
        worker=row.worker,
        redriven_at=row.redriven_at,
        outcome=row.outcome,
    )
