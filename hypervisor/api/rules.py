"""The rules in force."""

from fastapi import APIRouter

from hypervisor.api.access import Asked
from hypervisor.api.problems import responses
from hypervisor.api.shapes import RuleBody, RulesBody
from hypervisor.store import observing

router = APIRouter(prefix="/rules", tags=["rules"])


@router.get("", responses=responses())
def every(asked: Asked) -> RulesBody:
    """Each rule as its author wrote it, with the time from which it holds."""
    found = observing.rules(asked.connection, asked.now())
    return RulesBody(
        mode=asked.mode,
        rules=[
            RuleBody(id=key, written=written, effective=effective)
            for key, written, effective in found
        ],
    )
