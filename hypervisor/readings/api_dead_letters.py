"""Dead letters: what ingest refused, with its bytes and the reason; and sending it again."""

import base64
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from hypervisor.access.context import Context, RequestContext
from hypervisor.base.duties import Duty
from hypervisor.base.errors import NotFoundError
from hypervisor.base.settings import Settings
from hypervisor.database import audit
from hypervisor.readings import ingesting, queries_dead_letters
from hypervisor.readings.dead_letter_replay import parse_shift
from hypervisor.readings.dead_letter_replay import replay as send_again
from hypervisor.readings.queries_dead_letters import DeadLetter
from hypervisor.readings.schemas_dead_letters import (
    LetterBody,
    LetterDetailBody,
    LettersBody,
    ReasonBody,
    ReasonsBody,
    RedriveBody,
    RedrivenBody,
    RedrivePost,
)
from hypervisor.web.paging import Page
from hypervisor.web.problems import responses

router = APIRouter(prefix="/dead-letters", tags=["dead letters"])

MOST = 1_000  # letters that one request sends through again
_CHUNK = 200  # letters a transaction
Number = Annotated[int, Path(ge=1, le=2**63 - 1, examples=[31])]


@router.get("", responses=responses())
def list_dead_letters(
    context: Context,
    page: Page,
    *,
    reason: Annotated[str | None, Query(examples=["unknown-device"])] = None,
    topic: Annotated[str | None, Query(examples=["devices/yvette-gif/readings"])] = None,
    waiting: Annotated[bool, Query(description="False: also those that went through.")] = True,
) -> LettersBody:
    """Dead letters, the latest first."""
    key = page.after(int)
    rows = queries_dead_letters.list_latest(
        context.connection,
        reason=reason,
        topic=topic,
        waiting=waiting,
        before=key[0] if key else None,
        limit=page.limit + 1,
    )
    some, following = page.take(rows, lambda row: (row.id,))
    return LettersBody(mode=context.mode, letters=[make_body(row) for row in some], next=following)


@router.get("/reasons", responses=responses())
def list_reasons(context: Context) -> ReasonsBody:
    """How many were refused for which reason."""
    counts = queries_dead_letters.count_by_reason(context.connection)
    return ReasonsBody(
        mode=context.mode,
        reasons=[
            ReasonBody(reason=reason, waiting=waiting, redriven=done)
            for reason, waiting, done in counts
        ],
    )


@router.get("/{number}", responses=responses(404))
def get_dead_letter(context: Context, number: Number) -> LetterDetailBody:
    """One letter with its payload."""
    dead_letter = queries_dead_letters.get_dead_letter(context.connection, number)
    if dead_letter is None:
        raise NotFoundError(f"no dead letter has the number {number}")
    return LetterDetailBody(
        mode=context.mode,
        letter=make_body(dead_letter),
        base64=base64.b64encode(dead_letter.payload).decode(),
        text=decode_text(dead_letter.payload),
    )


@router.post("/replay", responses=responses(404))
@router.post("/redrive", responses=responses(404), deprecated=True, operation_id="redrive")
def replay_dead_letters(context: Context, request: Request, post: RedrivePost) -> RedriveBody:
    """Send letters through decoding, checks and store again; they keep their arrival.

    What is still refused waits on, with what was wrong this time.
    """
    context.require(Duty.OPERATE)
    return replay_letters(context, request, post)


def replay_letters(context: RequestContext, request: Request, post: RedrivePost) -> RedriveBody:
    """The same, for the page."""
    moved = parse_shift(post.shift)
    letters = _select_letters(context, post)
    batch, later = letters[:MOST], letters[MOST:]
    outcomes: list[RedrivenBody] = []
    with ingesting.open_ingest_context(get_settings(request)) as ingest:
        audit.record(
            ingest.connection,
            kind="redrive",
            subject=post.topic or post.reason or f"{len(batch)} letters",
            reason=post.why,
            author=context.person.name,
            details={
                "letters": [dead_letter.id for dead_letter in batch][:100],
                "shift": post.shift,
            },
        )
        ingest.connection.commit()
        for start in range(0, len(batch), _CHUNK):
            outcomes += [
                RedrivenBody(
                    id=outcome.letter.id,
                    readings=outcome.readings,
                    done=outcome.done,
                    outcome=outcome.text,
                )
                for outcome in send_again(ingest, batch[start : start + _CHUNK], shift=moved)
            ]
            ingest.connection.commit()
    return RedriveBody(
        mode=context.mode,
        letters=outcomes,
        readings=sum(redriven_body.readings for redriven_body in outcomes),
        left=len(later),
    )


def _select_letters(context: RequestContext, post: RedrivePost) -> list[DeadLetter]:
    if not post.ids:
        return queries_dead_letters.list_oldest(
            context.connection, reason=post.reason, topic=post.topic, limit=None
        )
    dead_letters: list[DeadLetter] = []
    for number in dict.fromkeys(post.ids):
        letter = queries_dead_letters.get_dead_letter(context.connection, number)
        if letter is None:
            raise NotFoundError(f"no dead letter has the number {number}")
        if letter.redriven_at is None:
            dead_letters.append(letter)
    return dead_letters


def get_settings(request: Request) -> Settings:
    """The instance's settings, where it was started with them; else the usual ones."""
    settings: Settings | None = getattr(request.app.state, "settings", None)
    return settings or Settings(database_url=request.app.state.database_url)


def decode_text(payload: bytes) -> str | None:
    """As text, where it is one that people read."""
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return None
    return text if all(char.isprintable() or char in "\r\n\t" for char in text) else None


def make_body(row: DeadLetter) -> LetterBody:
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
