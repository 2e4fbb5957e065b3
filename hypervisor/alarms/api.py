"""Alarms: the log, its history, and acts on alarms."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query

from hypervisor.access.context import Context, RequestContext
from hypervisor.alarms import queries, queries_acts, service_list
from hypervisor.alarms.lifecycle import ActKind
from hypervisor.alarms.queries import Selection
from hypervisor.alarms.schemas import ActRequest, AlarmDetailBody, AlarmsBody, KnownBody, LoadBody
from hypervisor.alarms.service import Act, perform
from hypervisor.alarms.service_list import StateFilter
from hypervisor.alarms.service_load import Span, measure_load
from hypervisor.base.duties import Duty
from hypervisor.base.instants import text
from hypervisor.web.budget import ROWS, SPAN, WORK, costs
from hypervisor.web.paging import Page
from hypervisor.web.problems import responses
from hypervisor.web.times import Instant

Number = Annotated[int, Path(ge=1, le=2**63 - 1)]

router = APIRouter(prefix="/alarms", tags=["alarms"])


@router.get("", responses=responses(422))
@costs(ROWS)
def list_alarms(  # noqa: PLR0913  one argument a filter
    context: Context,
    *,
    active: Annotated[bool | None, Query(description="true: active; false: ended.")] = None,
    state: Annotated[
        StateFilter | None,
        Query(description="The operator state; `suppressed`: for any reason."),
    ] = None,
    site: Annotated[
        str | None, Query(description="Includes its devices and groups.", examples=["toulouse"])
    ] = None,
    subject: Annotated[str | None, Query(examples=["group/cab-orsay-1"])] = None,
    rule: Annotated[str | None, Query(examples=["flood-above-alert"])] = None,
    domain: Annotated[str | None, Query(examples=["flood"])] = None,
    category: Annotated[Literal["hazard", "maintenance"] | None, Query()] = None,
    source: Annotated[str | None, Query(description="Only external alarms of this source.")] = None,
    external: Annotated[
        bool | None, Query(description="true: of other systems; false: of our own rules.")
    ] = None,
    withdrawn: Annotated[bool, Query(description="Include withdrawn alarms.")] = False,
    page: Page,
) -> AlarmsBody:
    """The alarm log and external alarms with the operator state of each, latest first."""
    began, last = page.behind() or (None, None)
    selection = Selection(
        site=site,
        subject=subject,
        rule=rule,
        domain=domain,
        category=category,
        active=active,
        source=source,
        external=external,
        withdrawn=withdrawn,
        limit=page.limit + 1,
        behind_began=began,
        behind_id=last,
    )
    refresh_incidents(context)
    alarms = service_list.list_alarms(
        context.connection, selection, wall=context.clock(), shown=state
    )
    alarms, following = page.take(alarms, lambda alarm: (text(alarm.began), alarm.id))
    return AlarmsBody(mode=context.mode, alarms=alarms, next=following)


@router.get("/known", responses=responses(422))
@costs(WORK)
def list_alarms_as_known(  # noqa: PLR0913  one argument a filter
    context: Context,
    *,
    at: Annotated[
        Instant, Query(description="As noticed until then; in an exercise by the scenario's clock.")
    ],
    site: str | None = None,
    rule: str | None = None,
    domain: str | None = None,
    active: bool | None = None,
) -> KnownBody:
    """The alarm log as it was known at a given time, for inquiries."""
    selection = Selection(site=site, rule=rule, domain=domain, active=active)
    alarms = service_list.list_alarms_as_known(context.connection, at, selection)
    return KnownBody(mode=context.mode, as_known_at=at, alarms=alarms)


@router.get("/load", responses=responses(422))
@costs(SPAN)
def get_load(
    context: Context,
    *,
    begins: Annotated[
        Instant | None, Query(alias="from", description="Default: a day before the end.")
    ] = None,
    ends: Annotated[Instant | None, Query(alias="to", description="Default: now.")] = None,
) -> LoadBody:
    """The operators' alarm load, after EEMUA 191."""
    span = Span(begins=begins, ends=ends)
    report = measure_load(context.connection, span, wall=context.clock())
    return LoadBody(mode=context.mode, load=report.as_text())


@router.get("/{number}", responses=responses(404, 422))
def get_alarm(context: Context, number: Number) -> AlarmDetailBody:
    """One alarm with its transitions (event time and time of notice) and acts."""
    refresh_incidents(context)
    return _describe(context, number)


@router.post("/{number}/acts", responses=responses(401, 403, 404, 409, 422))
def act_on_alarm(context: Context, number: Number, body: ActRequest) -> AlarmDetailBody:
    """Acknowledge, assign, comment, shelve, close … an alarm; returns its new state.

    409: the alarm has changed since that version. 422: its state does not allow the act, or a
    reason or an end is missing; see `detail`.
    """
    context.require(Duty.OPERATE, alarm=number)
    request = Act(
        alarm=number,
        author=context.person.name,
        kind=ActKind(body.kind),
        **body.model_dump(exclude={"kind"}),
    )
    with context.writing() as connection:
        perform(connection, request, now=context.clock())
    return _describe(context, number)


def _describe(context: RequestContext, number: int) -> AlarmDetailBody:
    return AlarmDetailBody(
        mode=context.mode,
        alarm=service_list.get_alarm(context.connection, number, wall=context.clock()),
        transitions=queries.list_transitions(context.connection, [number]),
        acts=queries_acts.list_acts(context.connection, [number]),
    )


def refresh_incidents(context: RequestContext) -> None:
    """Bring incidents up to date with the alarm log before they are read."""
    with context.pool.writing() as connection:
        service_list.refresh_incidents(connection)
