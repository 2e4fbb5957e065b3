"""Data quality: devices to look at by what they blind, dead letters, the health of ingest."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from hypervisor.accounts.duties import Duty
from hypervisor.api.access import Access, Asked
from hypervisor.api.dead_letters import sent_again
from hypervisor.api.letter_shapes import RedriveBody, RedrivePost
from hypervisor.api.problems import NotFoundError
from hypervisor.console.page import Page
from hypervisor.console.reader import reading
from hypervisor.console.rendering import fragment, reader_of, render, wants_fragment
from hypervisor.console.views import letter, quality_chart
from hypervisor.console.views import quality as view
from hypervisor.console.views.quality_words import cause, meaning
from hypervisor.console.words import mark
from hypervisor.fleet.health import ISSUES
from hypervisor.redriving import ShiftError
from hypervisor.store.intake import dead_letters

router = APIRouter(prefix="/quality")
PAGE = Page(key="quality", title=mark("Quality"), address="/quality", order=40, shortcut="q")
_LETTERS = 50  # a page
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("")
def quality(
    asked: Asked,
    request: Request,
    *,
    issue: Annotated[str, Query(max_length=20)] = "",
    domain: Annotated[str, Query(max_length=100)] = "",
    show: Annotated[int, Query(ge=1, le=10_000)] = view.SHOWN,
) -> Response:
    """All of it."""
    with reading(reader_of(asked, request)):
        found = view.devices(asked, domain=domain or None)
        chosen = issue if issue in ISSUES else ""
        ailing = [one for one in found.ailing if not chosen or chosen in one.health.issues]
    return render(
        asked,
        "quality.html",
        devices=found,
        ailing=ailing[:show],
        more=len(ailing) - show,
        show=show,
        chosen=chosen,
        issues=ISSUES,
        letters=view.letters(asked),
        gaps=view.gaps(asked),
        cause=cause,
        meaning=meaning,
        **_ingest(asked, request),
    )


@router.get("/ingest")
def ingest(asked: Asked, request: Request) -> Response:
    """How readings come in: the part of the page that fetches itself anew."""
    return fragment(asked, "quality_ingest.html", **_ingest(asked, request))


@router.get("/letters")
def letters(
    asked: Asked,
    *,
    reason: Annotated[str, Query(max_length=100)] = "",
    every: bool = False,
    before: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
) -> Response:
    """Letters of one reason, the latest first."""
    return _letters(asked, reason=reason, every=every, before=before)


@router.get("/letters/{number}")
def one(asked: Asked, number: Number) -> Response:
    """One letter with its bytes."""
    return _letter(asked, number)


@router.post("/redrive")
def redrive(  # noqa: PLR0913  the fields of the form
    asked: Asked,
    request: Request,
    *,
    why: Annotated[str, Form(max_length=4_000)] = "",
    reason: Annotated[str, Form(max_length=100)] = "",
    shift: Annotated[str, Form(max_length=40)] = "",
    number: Annotated[int | None, Form(ge=1, le=2**63 - 1)] = None,
) -> Response:
    """Send one letter, or all that wait for a reason, through again; what became of them."""
    asked.require(Duty.OPERATE)
    said = {"why": why, "shift": shift}
    try:
        post = RedrivePost(
            ids=[] if number is None else [number],
            reason=reason or None,
            shift=shift.strip() or "0s",
            why=why.strip(),
        )
        done = sent_again(asked, request, post)
    except ValidationError:
        return _again(asked, reason, number, said=said, wrong="why")
    except ShiftError:
        return _again(asked, reason, number, said=said, wrong="shift")
    if not wants_fragment(request) and number is not None:
        return RedirectResponse(f"/quality/letters/{number}", status_code=303)
    return _again(asked, reason, number, done=done)


def _again(  # noqa: PLR0913  what both pages are made of
    asked: Access,
    reason: str,
    number: int | None,
    *,
    done: RedriveBody | None = None,
    said: dict[str, str] | None = None,
    wrong: str = "",
) -> Response:
    if number is not None:
        return _letter(asked, number, done=done, said=said, wrong=wrong)
    return _letters(asked, reason=reason, done=done, said=said, wrong=wrong)


def _letters(  # noqa: PLR0913  what the page is made of
    asked: Access,
    *,
    reason: str,
    every: bool = False,
    before: int | None = None,
    done: RedriveBody | None = None,
    said: dict[str, str] | None = None,
    wrong: str = "",
) -> Response:
    asked.connection.rollback()  # what was sent again is seen
    rows = dead_letters.latest(
        asked.connection,
        reason=reason or None,
        waiting=not every,
        before=before,
        limit=_LETTERS + 1,
    )
    counts = {name: waiting for name, waiting, _ in dead_letters.counts(asked.connection)}
    return render(
        asked,
        "quality_letters.html",
        status_code=422 if wrong else 200,
        reason=reason,
        meaning=meaning,
        letters=rows[:_LETTERS],
        following=rows[_LETTERS - 1].id if len(rows) > _LETTERS else None,
        every=every,
        waiting=counts.get(reason, 0) if reason else sum(counts.values()),
        before=before,
        **_redriving(asked, done, said, wrong),
    )


def _letter(
    asked: Access,
    number: int,
    *,
    done: RedriveBody | None = None,
    said: dict[str, str] | None = None,
    wrong: str = "",
) -> Response:
    asked.connection.rollback()
    found = dead_letters.one(asked.connection, number)
    if found is None:
        raise NotFoundError(f"no dead letter has the number {number}")
    return render(
        asked,
        "quality_letter.html",
        status_code=422 if wrong else 200,
        letter=found,
        payload=letter.payload(found.payload),
        MOST=letter.MOST,
        **_redriving(asked, done, said, wrong),
    )


def _redriving(
    asked: Access, done: RedriveBody | None, said: dict[str, str] | None, wrong: str
) -> dict[str, Any]:
    return {
        "may_redrive": asked.person.everywhere(Duty.OPERATE),
        "done": done,
        "said": said or {},
        "wrong": wrong,
    }


def _ingest(asked: Access, request: Request) -> dict[str, Any]:
    found = view.ingest(asked)
    zone = reader_of(asked, request).zone
    return {
        "ingest": found,
        "flow": quality_chart.drawn(found, zone),
        "geometry": quality_chart,
    }
