"""Routes of interlocks: those in force, a change, a trial."""

from fastapi import APIRouter, Response

from hypervisor.access.context import ConfirmedContext, Context
from hypervisor.base.duties import Duty
from hypervisor.commands import interlock_trials, interlocks, queries_interlocks
from hypervisor.commands.interlocks import Condition, Setting
from hypervisor.commands.schemas_interlocks import (
    InterlockPut,
    InterlocksBody,
    InterlockTrialBody,
    InterlockTrialPost,
    describe_interlocks,
    describe_trial,
)
from hypervisor.registry.queries import load
from hypervisor.web.budget import WORK, costs
from hypervisor.web.preconditions import SeenList, read_number, tag
from hypervisor.web.problems import responses

router = APIRouter(prefix="/interlocks", tags=["commands"])


@router.get("")
def list_interlocks(context: Context, response: Response) -> InterlocksBody:
    """What must be true before a command is sent: the defaults, and those of sites and devices."""
    tag(response, str(queries_interlocks.read_last(context.connection)))
    return InterlocksBody(
        mode=context.mode, interlocks=describe_interlocks(context.connection, context.catalogue)
    )


@router.put("", responses=responses(403, 404, 412, 422, 428))
def put_interlock(
    context: ConfirmedContext, response: Response, body: InterlockPut, if_match: SeenList = None
) -> InterlocksBody:
    """Hold the commands of a site or device to a condition, or withdraw it (null).

    412: another decision on this owner and command came since the list with this ETag; 428: there
    is one, and a change needs If-Match.
    """
    context.require(Duty.ADMINISTER, subject=body.owner)
    if body.place is not None:
        context.require(Duty.READ, site=body.place)
    setting = Setting(**body.model_dump(), author=context.person.name)
    with context.owning() as owner:
        registry = load(owner)
        interlocks.check(owner, registry, context.catalogue, setting)
    with context.writing() as connection:
        interlocks.record(connection, setting, seen=read_number(if_match))
    context.connection.rollback()  # the list has what was written
    return list_interlocks(context, response)


@router.post("/trial", responses=responses(403, 404, 422))
@costs(WORK)
def try_interlock(context: Context, body: InterlockTrialPost) -> InterlockTrialBody:
    """What a condition says of a site now, and what it said in the last event there."""
    context.require(Duty.READ, site=body.place)
    condition = Condition(text=body.condition, place=body.place, own=True)
    with context.owning() as owner:
        trial = interlock_trials.try_condition(owner, load(owner), context.catalogue, condition)
    return describe_trial(context.mode, trial)
