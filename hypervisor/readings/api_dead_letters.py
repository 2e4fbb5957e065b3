"""Routes of dead letters: what ingest refused, with its bytes and the reason; replay."""

import base64
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from hypervisor.access.context import Context, RequestContext
from hypervisor.base.duties import Duty
from hypervisor.database import audit
from hypervisor.readings import dead_letter_replay, queries_dead_letters
from hypervisor.readings.ingest_worker import open_ingest_context
from hypervisor.readings.schemas import (
    LetterBody,
    LetterDetailBody,
    LettersBody,
    ReasonBody,
    ReasonsBody,
    ReplayBody,
    ReplayedBody,
    ReplayPost,
)
from hypervisor.readings.views_dead_letters import decode_text
from hypervisor.web.budget import ROWS, WORK, costs
from hypervisor.web.paging import Page
from hypervisor.web.problems import responses
from hypervisor.web.request import get_settings

router = APIRouter(prefix="/dead-letters", tags=["dead letters"])

MOST = 1_000  # letters that one request replays
Number = Annotated[int, Path(ge=1, le=2**63 - 1, examples=[31])]


@router.get("", responses=responses())
@costs(ROWS)
def list_dead_letters(
    context: Context,
    page: Page,
    *,
    reason: Annotated[str | None, Query(examples=["unknown-device"])] = None,
    topic: Annotated[str | None, Query(examples=["devices/yvette-gif/readings"])] = None,
    waiting: Annotated[bool, Query(description="False: accepted ones, too.")] = True,
) -> LettersBody:
    """Dead letters, the latest first."""
    key = page.after(int)
    rows = queries_dead_letters.list_letters(
        context.connection,
        newest_first=True,
        reason=reason,
        topic=topic,
        waiting=waiting,
        before=key[0] if key else None,
        limit=page.limit + 1,
    )
    some, following = page.take(rows, lambda row: (row.id,))
    letters = [LetterBody.model_validate(row) for row in some]
    return LettersBody(mode=context.mode, letters=letters, next=following)


@router.get("/reasons", responses=responses())
def list_reasons(context: Context) -> ReasonsBody:
    """How many were refused for which reason."""
    counts = queries_dead_letters.count_by_reason(context.connection)
    reasons = [ReasonBody.model_validate(row) for row in counts]
    return ReasonsBody(mode=context.mode, reasons=reasons)


@router.get("/{number}", responses=responses(404))
def get_dead_letter(context: Context, number: Number) -> LetterDetailBody:
    """One letter with its payload."""
    letter = dead_letter_replay.get_dead_letter(context.connection, number)
    return LetterDetailBody(
        mode=context.mode,
        letter=LetterBody.model_validate(letter),
        base64=base64.b64encode(letter.payload).decode(),
        text=decode_text(letter.payload),
    )


@router.post("/replay", responses=responses(404))
@router.post(
    "/redrive", responses=responses(404), deprecated=True, operation_id="dead_letters_redrive"
)
@costs(WORK)
def replay_dead_letters(context: Context, request: Request, post: ReplayPost) -> ReplayBody:
    """Decode, check and store letters again; they keep their arrival time.

    What is still refused waits with its new reason.
    """
    context.require(Duty.OPERATE)
    return replay_letters(context, request, post)


def replay_letters(context: RequestContext, request: Request, post: ReplayPost) -> ReplayBody:
    """The same, for the page."""
    shift = dead_letter_replay.parse_shift(post.shift)
    letters = dead_letter_replay.select_letters(
        context.connection, post.ids, reason=post.reason, topic=post.topic
    )
    batch = letters[:MOST]
    with open_ingest_context(get_settings(request)) as ingest:
        audit.record(
            ingest.connection,
            kind="replay",
            subject=post.topic or post.reason or f"{len(batch)} letters",
            reason=post.why,
            author=context.person.name,
            details={"letters": [letter.id for letter in batch][:100], "shift": post.shift},
        )
        ingest.connection.commit()
        outcomes = [
            ReplayedBody(
                id=outcome.letter.id,
                readings=outcome.readings,
                done=outcome.done,
                outcome=outcome.text,
            )
            for outcome in dead_letter_replay.replay(ingest, batch, shift=shift)
        ]
    return ReplayBody(
        mode=context.mode,
        letters=outcomes,
        readings=sum(outcome.readings for outcome in outcomes),
        left=len(letters) - len(batch),
    )
