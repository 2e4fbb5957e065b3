"""Routes of armed rules: which are, arm one, disarm it."""

from fastapi import APIRouter, Response

from hypervisor.access.context import Context
from hypervisor.commands import queries, queries_arming, service_arming
from hypervisor.commands.arming import ArmingOrder
from hypervisor.commands.schemas_arming import ArmingPut, ArmingsBody, describe_arming
from hypervisor.registry.queries_works import load_in_force
from hypervisor.web.preconditions import SeenList, read_number, tag
from hypervisor.web.problems import responses

router = APIRouter(prefix="/armed-rules", tags=["commands"])


@router.get("")
def list_armed(context: Context, response: Response) -> ArmingsBody:
    """The rules that may send what they propose by themselves, and where."""
    rules = load_in_force(context.connection, "rule", queries.read_clock(context.connection))
    tag(response, str(queries_arming.read_last(context.connection)))
    rows = queries_arming.list_armed(context.connection)
    return ArmingsBody(mode=context.mode, armed=[describe_arming(row, rules) for row in rows])


@router.put("", responses=responses(403, 404, 412, 422, 428))
def put_arming(
    context: Context, response: Response, body: ArmingPut, if_match: SeenList = None
) -> ArmingsBody:
    """Arm a rule at a site (administrators), or disarm it (controllers, too).

    412: another decision on this rule and site came since the list with this ETag; 428: there is
    one, and arming needs If-Match.
    """
    order = ArmingOrder(**body.model_dump(), author=context.person.name)
    service_arming.change_arming(context, order, seen=read_number(if_match))
    context.connection.rollback()  # the list has what was written
    return list_armed(context, response)
