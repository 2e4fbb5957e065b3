"""Exercises: choose, start and lead a scenario; what is put in; the debrief."""

from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Path, Request, Response
from fastapi.responses import RedirectResponse

from hypervisor.api.access import Access, Asked
from hypervisor.api.exercises import NOBODY, data_of
from hypervisor.api.problems import NotFoundError
from hypervisor.console.page import Page
from hypervisor.console.reader import reading
from hypervisor.console.refusals import refusal
from hypervisor.console.rendering import fragment, reader_of, render, wants_fragment
from hypervisor.console.views import exercises as view
from hypervisor.console.words import mark
from hypervisor.exercise import injects, leading, standing
from hypervisor.exercise.debriefing import debrief
from hypervisor.exercise.injects import Wanted
from hypervisor.exercise.leading import LEAD, Order, Start
from hypervisor.exercise.playable import playable
from hypervisor.exercise.waiting import settled
from hypervisor.instance import Mode, require_exercise
from hypervisor.store import conducting, injecting, naming
from hypervisor.store.conducting import Run, RunError
from hypervisor.store.injecting import InjectError
from sensors._errors import TerritoryError
from simulators import _words

router = APIRouter()
PAGE = Page(key="exercises", title=mark("Exercises"), address="/exercises", order=21, shortcut="e")
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
Text = Annotated[str, Form(max_length=4_000)]
HERE = "/exercises/lead"
_FIELDS = (  # of the form by which an inject is written
    *("kind", "title", "text", "sender", "expected", "planned", "device", "quantity", "value"),
    "hours",
)
_NEW = "exercise"  # the folder that a live page proposes for one


@router.get("/exercises")
def exercises(asked: Asked, request: Request) -> Response:
    """What runs, what those who train were told, what can be played."""
    return _overview(asked, request)


@router.get("/exercises/lead")
def lead(asked: Asked, request: Request) -> Response:
    """The leader's desk."""
    run = _led(asked)
    if run is None:
        return RedirectResponse("/exercises", status_code=303)
    return _desk(asked, request, run)


@router.get("/exercises/part/{name}")
def part(asked: Asked, request: Request, name: str) -> Response:
    """A part of the desk alone, as it now is."""
    if name not in {"now", "controls", "injects", "truth", "sheets", "told"}:
        raise NotFoundError(f"no part is called {name!r}")
    run = conducting.latest(asked.connection)
    if run is None:  # the exercise began anew: so does the page
        return Response(status_code=204, headers={"HX-Refresh": "true"})
    if name not in {"now", "told"}:
        asked.require(LEAD)
    return fragment(asked, f"exercises_{name}.html", **_context(asked, request, run, part=name))


@router.get("/exercises/banner")
def banner(asked: Asked) -> Response:
    """The banner alone."""
    with reading(reader_of(asked)):
        words = view.banner_words(asked, standing(asked.connection))
    return fragment(asked, "parts/banner.html", bar={"exercise_words": words})


@router.get("/exercises/debrief/{number}")
def debriefing(asked: Asked, request: Request, number: Number) -> Response:
    """What came of a run."""
    asked.require(LEAD)
    with asked.owning() as connection:
        run = conducting.find(connection, number)
        if run is None:
            raise NotFoundError(f"no run has the number {number}")
        told = debrief(connection, data_of(request), run)
    with reading(reader_of(asked)):
        axis = view.axis(run)
    return render(asked, "exercises_debrief.html", run=run, told=told, axis=axis, **view.words())


@router.post("/exercises/runs")
def start(  # noqa: PLR0913, PLR0917  the fields of the form
    asked: Asked,
    request: Request,
    source: Annotated[str, Form(max_length=200)],
    speed: Annotated[str, Form(max_length=20)] = "60",
    held: Annotated[str, Form(max_length=10)] = "",
    seed: Annotated[int, Form(ge=0, lt=2**31)] = 1,
    hours: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Start what was chosen."""
    _may_lead(asked)
    try:
        wanted = Start(
            source=source,
            author=asked.person.name,
            language=reader_of(asked, request).language,
            speed=_words.speed(speed),
            held=bool(held),
            seed=seed,
            hours=_float(hours),
        )
        _require_conductor(asked)
        with asked.writing() as connection:
            leading.start(connection, data_of(request), wanted)
    except (TerritoryError, ValueError) as error:
        return _overview(asked, request, wrong=refusal(error), chosen=source, status_code=409)
    return RedirectResponse(HERE, status_code=303)


@router.post("/exercises/order")
def order(  # noqa: PLR0913, PLR0917  the fields of the form
    asked: Asked,
    request: Request,
    run: Annotated[int, Form(ge=1)],
    kind: Annotated[str, Form(max_length=20)],
    speed: Annotated[str, Form(max_length=20)] = "",
    by: Annotated[str, Form(max_length=20)] = "",
    to: Annotated[str, Form(max_length=40)] = "",
    version: Annotated[str, Form(max_length=12)] = "",
) -> Response:
    """Pause, resume, speed, jump, stop."""
    _may_lead(asked)
    details: dict[str, Any] = {}
    try:
        if kind == "speed":
            details["speed"] = _words.speed(speed)
        if kind == "jump":
            details = {"to": _local(to, asked)} if to else {"by": float(by or 0)}
        wanted = Order(
            kind=kind,
            author=asked.person.name,
            details=details,
            version=int(version) if version.isdecimal() else None,
        )
        _require_conductor(asked)
        with asked.writing() as connection:
            command = leading.order(connection, run, wanted)
        settled(asked.owning, command)
    except (TerritoryError, ValueError) as error:
        return _again(asked, request, "controls", wrong=refusal(error))
    return _again(asked, request, "controls")


@router.post("/exercises/injects")
def add(  # noqa: PLR0913, PLR0917  the fields of the form
    asked: Asked,
    request: Request,
    run: Annotated[int, Form(ge=1)],
    kind: Annotated[str, Form(max_length=20)],
    title: Text = "",
    text: Text = "",
    sender: Text = "",
    expected: Text = "",
    planned: Annotated[str, Form(max_length=40)] = "",
    device: Annotated[str, Form(max_length=200)] = "",
    quantity: Annotated[str, Form(max_length=200)] = "",
    value: Annotated[str, Form(max_length=40)] = "",
    hours: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """Write an inject."""
    _may_lead(asked)
    said = {key: found for key, found in locals().items() if isinstance(found, str)}
    try:
        wanted = Wanted(
            kind=kind,
            title=title,
            text=text,
            sender=sender,
            expected=expected,
            planned=_local(planned, asked),
            devices=[device.strip()] if device.strip() else [],
            quantity=quantity.strip() or None,
            value=_float(value),
            hours=_float(hours),
        )
        with asked.writing() as connection:
            injects.add(connection, run, wanted, asked.person.name)
    except (TerritoryError, ValueError) as error:
        return _again(asked, request, "injects", wrong=refusal(error), said=said)
    return _again(asked, request, "injects")


@router.post("/exercises/injects/{number}")
def change(  # noqa: PLR0913, PLR0917  the fields of the form
    asked: Asked,
    request: Request,
    number: Number,
    act: Annotated[str, Form(max_length=20)],
    planned: Annotated[str, Form(max_length=40)] = "",
    version: Annotated[str, Form(max_length=12)] = "",
) -> Response:
    """Put it in now, hold, release, move, cancel, mark as done."""
    _may_lead(asked)
    seen = int(version) if version.isdecimal() else None
    try:
        if act == "fire":
            _require_conductor(asked)
            with asked.writing() as connection:
                command = leading.fire(connection, number, asked.person.name)
            settled(asked.owning, command)
        else:
            states = {"hold": "held", "release": "planned", "cancel": "cancelled", "done": "done"}
            with asked.writing() as connection:
                injects.change(
                    connection,
                    number,
                    author=asked.person.name,
                    version=seen,
                    state=states.get(act),
                    planned=_local(planned, asked) if act == "move" else None,
                )
    except (TerritoryError, ValueError) as error:
        return _again(asked, request, "injects", wrong=refusal(error))
    return _again(asked, request, "injects")


@router.post("/exercises/sheets")
def add_sheet(
    asked: Asked, request: Request, run: Annotated[int, Form(ge=1)], expected: Text = ""
) -> Response:
    """A line of what is to be seen."""
    _may_lead(asked)
    try:
        with asked.writing() as connection:
            injects.add_sheet(connection, run, expected=expected, author=asked.person.name)
    except TerritoryError as error:
        return _again(asked, request, "sheets", wrong=refusal(error))
    return _again(asked, request, "sheets")


@router.post("/exercises/sheets/{number}")
def note(  # noqa: PLR0913, PLR0917  the fields of the form
    asked: Asked,
    request: Request,
    number: Number,
    outcome: Annotated[str, Form(max_length=20)],
    text: Text = "",
    version: Annotated[str, Form(max_length=12)] = "",
) -> Response:
    """What an observer saw."""
    _may_lead(asked)
    try:
        if outcome not in view.OUTCOMES:
            raise InjectError(f"outcome {outcome!r}: expected {', '.join(view.OUTCOMES)}")
        with asked.writing() as connection:
            injects.note_sheet(
                connection,
                number,
                outcome=outcome,
                note=text,
                author=asked.person.name,
                version=int(version) if version.isdecimal() else None,
            )
    except TerritoryError as error:
        return _again(asked, request, "sheets", wrong=refusal(error))
    return _again(asked, request, "sheets")


@router.post("/exercises/reset")
def reset(asked: Asked, request: Request, reason: Text = "") -> Response:
    """Begin the exercise anew."""
    _may_lead(asked)
    try:
        if not reason.strip():
            raise RunError("say why the exercise begins anew: its readings and alarms go")
        _require_conductor(asked)
        with asked.writing() as connection:
            command = leading.reset(connection, asked.person.name, reason.strip())
        settled(asked.owning, command, seconds=30)
    except TerritoryError as error:
        return _overview(asked, request, wrong=refusal(error), status_code=409)
    return RedirectResponse("/exercises", status_code=303)


def _may_lead(asked: Access) -> None:
    asked.require(LEAD)
    require_exercise(asked.instance, what="leading an exercise")


def _leads(asked: Access) -> bool:
    return asked.person.territory(LEAD).whole


def _led(asked: Access) -> Run | None:
    _may_lead(asked)
    return conducting.latest(asked.connection)


def _require_conductor(asked: Access) -> None:
    if not leading.alive(asked.connection):
        raise RunError(NOBODY)


def _overview(
    asked: Access,
    request: Request,
    *,
    wrong: str = "",
    chosen: str = "",
    status_code: int = 200,
) -> Response:
    if asked.instance.mode is Mode.LIVE:
        return render(asked, "exercises_live.html", folder_hint=f"{data_of(request).parent}/{_NEW}")
    asked.connection.rollback()
    run = conducting.latest(asked.connection)
    return render(
        asked,
        "exercises.html",
        status_code=status_code,
        chosen=chosen,
        choices=playable(data_of(request)),
        runs=conducting.runs(asked.connection, limit=20),
        folder=data_of(request) / "recordings",
        **(_context(asked, request, run, part="now") if run else _bare(asked)) | {"wrong": wrong},
    )


def _desk(asked: Access, request: Request, run: Run) -> Response:
    return render(asked, "exercises_lead.html", **_context(asked, request, run, part="all"))


def _again(
    asked: Access,
    request: Request,
    name: str,
    *,
    wrong: str = "",
    said: dict[str, str] | None = None,
) -> Response:
    """The part that was acted on, as it then is; without scripts the whole desk."""
    asked.connection.rollback()
    run = conducting.latest(asked.connection)
    if run is None:
        return RedirectResponse("/exercises", status_code=303)
    status = 409 if wrong else 200
    if wants_fragment(request):
        found = _context(asked, request, run, part=name) | {"wrong": wrong}
        found["said"] |= said or {}
        return fragment(asked, f"exercises_{name}.html", status_code=status, **found)
    if wrong:
        found = _context(asked, request, run, part="all") | {"wrong": wrong}
        found["said"] |= said or {}
        return render(asked, "exercises_lead.html", status_code=status, **found)
    return RedirectResponse(HERE, status_code=303)


def _bare(asked: Access) -> dict[str, Any]:
    return {
        **view.words(),
        "run": None,
        "leads": _leads(asked),
        "conducted": leading.alive(asked.connection),
        "told": [],
        "axis": None,
        "said": dict.fromkeys(_FIELDS, ""),
    }


def _context(asked: Access, request: Request, run: Run, *, part: str) -> dict[str, Any]:
    """What a part shows; only what that part, and that person, may have."""
    leads = _leads(asked)
    found: dict[str, Any] = {
        **_bare(asked),
        "wrong": "",
        "run": run,
        "told": injecting.told(asked.connection, run.id),
        "injects": [],
        "sheets": [],
        "debrief": None,
        "sites": [],
    }
    skips: list[injecting.Skip] = []
    if leads:
        with asked.owning() as connection:
            found["injects"] = injecting.injects(connection, run.id)
            skips = injecting.skips(connection, run.id)
            if part in {"all", "injects"}:
                found["sites"] = naming.sites(connection)
            if part in {"all", "sheets"}:
                found["sheets"] = injecting.sheets(connection, run.id)
            if part in {"all", "truth"}:
                found["debrief"] = debrief(connection, data_of(request), run)
    with reading(reader_of(asked)):
        found["axis"] = view.axis(run, found["injects"], skips)
    return found


def _local(said: str, asked: Access) -> datetime | None:
    """What a browser's field for day and time says, on the clock of the instance's zone."""
    if not said.strip():
        return None
    try:
        at = datetime.fromisoformat(said)
    except ValueError as error:
        raise InjectError(f"{said!r}: expected a day and a time") from error
    if not 1800 <= at.year <= 2200:
        raise InjectError(f"the year {at.year} is none of ours")
    return at if at.tzinfo else at.replace(tzinfo=ZoneInfo(asked.instance.timezone))


def _float(said: str) -> float | None:
    try:
        return float(said.replace(",", ".")) if said.strip() else None
    except ValueError as error:
        raise InjectError(f"{said!r}: expected a number") from error
