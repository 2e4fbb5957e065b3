"""Alarms: all that people could see of each, what was done to it, and acts on it."""

from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime
from starlette.exceptions import HTTPException

from hypervisor.accounts.duties import Duty
from hypervisor.alarms import loading, viewing
from hypervisor.alarms.acts import Act, act
from hypervisor.alarms.errors import AlarmError, ConflictError, NoAlarmError
from hypervisor.alarms.lifecycle import Kind
from hypervisor.alarms.loading import Span
from hypervisor.alarms.viewing import Shown
from hypervisor.api.access import Access, Asked
from hypervisor.api.alarm_shapes import (
    ActBody,
    ActRequest,
    HandledAlarmsBody,
    HandledBody,
    HandledDetailBody,
    KnownBody,
    LoadBody,
)
from hypervisor.api.paging import Page
from hypervisor.api.problems import NotFoundError, responses
from hypervisor.api.shapes import AlarmBody, TransitionBody
from hypervisor.api.times import Instant
from hypervisor.instants import moment
from hypervisor.store.alarms import alarm_acts, alarms
from hypervisor.store.alarms.alarms import Selection

Number = Annotated[int, Path(ge=1, le=2**63 - 1)]

router = APIRouter(prefix="/alarms", tags=["alarms"])


@router.get("", responses=responses(422))
def every(  # noqa: PLR0913  one argument a filter
    asked: Asked,
    *,
    active: Annotated[bool | None, Query(description="Only those that last, or are over.")] = None,
    state: Annotated[
        Shown | None, Query(description="By the operator's side; `suppressed` for any reason.")
    ] = None,
    site: Annotated[
        str | None, Query(description="With its devices and groups.", examples=["toulouse"])
    ] = None,
    subject: Annotated[str | None, Query(examples=["group/cab-orsay-1"])] = None,
    rule: Annotated[str | None, Query(examples=["flood-above-alert"])] = None,
    domain: Annotated[str | None, Query(examples=["flood"])] = None,
    category: Annotated[Literal["hazard", "maintenance"] | None, Query()] = None,
    withdrawn: Annotated[bool, Query(description="Also those found never to have been.")] = False,
    page: Page,
) -> HandledAlarmsBody:
    """The alarm log, the latest to begin first, and how each is handled."""
    behind = page.behind()
    selection = Selection(
        site=site,
        subject=subject,
        rule=rule,
        domain=domain,
        category=category,
        active=active,
        withdrawn=withdrawn,
        limit=page.limit + 1,
        behind_began=behind[0] if behind else None,
        behind_id=behind[1] if behind else None,
    )
    regroup(asked)
    found = viewing.views(asked.connection, selection, wall=asked.clock(), shown=state)
    some, following = page.told(found, lambda one: (one["began"], one["id"]))
    return HandledAlarmsBody(
        mode=asked.mode, alarms=[HandledBody(**one) for one in some], next=following
    )


@router.get("/known", responses=responses(422))
def known(  # noqa: PLR0913  one argument a filter
    asked: Asked,
    *,
    at: Annotated[
        Instant, Query(description="By when we noticed: the wall's clock, or the scenario's.")
    ],
    site: str | None = None,
    rule: str | None = None,
    domain: str | None = None,
    active: bool | None = None,
) -> KnownBody:
    """The log as it was known at a time, for an inquiry: what operators could then see."""
    selection = Selection(site=site, rule=rule, domain=domain, active=active)
    found = viewing.known_at(asked.connection, at, selection)
    return KnownBody(mode=asked.mode, as_known_at=at, alarms=found)


@router.get("/load", responses=responses(422))
def load(
    asked: Asked,
    *,
    begins: Annotated[
        AwareDatetime | None, Query(alias="from", description="Default: a day before the end.")
    ] = None,
    ends: Annotated[AwareDatetime | None, Query(alias="to", description="Default: now.")] = None,
) -> LoadBody:
    """What alarms ask of an operator, after EEMUA 191."""
    try:
        span = Span(begins=begins, ends=ends)
        found = loading.load(asked.connection, span, wall=asked.clock())
    except AlarmError as error:
        raise _refused(error) from error
    return LoadBody(mode=asked.mode, load=found)


@router.get("/{number}", responses=responses(404, 422))
def one(asked: Asked, number: Number) -> HandledDetailBody:
    """One alarm with its transitions (what became true when, and when it was noticed) and acts."""
    regroup(asked)
    return _detail(asked, number)


@router.post("/{number}/acts", responses=responses(401, 403, 404, 409, 422))
def do(asked: Asked, number: Number, body: ActRequest) -> HandledDetailBody:
    """Acknowledge, assign, comment, shelve, close … an alarm; how it then stands.

    409: it has changed since the version that is named. 422: its state does not allow it, or a
    reason or an end is missing; `detail` says which.
    """
    asked.require(Duty.OPERATE, alarm=number)
    what = Act(
        alarm=number,
        kind=Kind(body.kind),
        author=asked.person.name,
        reason=body.reason,
        version=body.version,
        assignee=body.assignee,
        until=body.until,
    )
    try:
        with asked.writing() as connection:
            act(connection, what, now=asked.clock())
    except NoAlarmError as error:
        raise NotFoundError(str(error)) from error
    except AlarmError as error:
        raise _refused(error) from error
    return _detail(asked, number)


def _detail(asked: Access, number: int) -> HandledDetailBody:
    alarm = alarms.find(asked.connection, number)
    if alarm is None:
        raise NotFoundError(f"no alarm has the number {number}")
    (view,) = viewing.viewed(asked.connection, [alarm], wall=asked.clock())
    return HandledDetailBody(
        mode=asked.mode,
        alarm=HandledBody(**view),
        transitions=[
            TransitionBody(
                kind=row.kind,
                event_time=moment(row.event),
                noticed_at=moment(row.noticed),
                reason=row.reason,
                snapshot=dict(row.snapshot),
            )
            for row in alarms.transitions(asked.connection, [number])
        ],
        acts=[
            ActBody(**alarm_acts.as_text(row))
            for row in alarm_acts.acts(asked.connection, [number])
        ],
    )


def regroup(asked: Access) -> None:
    """Bring the incidents up to date before they are told: they follow from what is stored."""
    with asked.pool.writing() as connection:
        viewing.regroup(connection)


def _refused(error: AlarmError) -> HTTPException:
    conflict = isinstance(error, ConflictError)
    status = HTTPStatus.CONFLICT if conflict else HTTPStatus.UNPROCESSABLE_ENTITY
    return HTTPException(status, str(error))


def listing(asked: Access, selection: Selection) -> list[AlarmBody]:
    """The log alone, for the page."""
    return [AlarmBody(**alarms.as_text(row)) for row in alarms.listing(asked.connection, selection)]
