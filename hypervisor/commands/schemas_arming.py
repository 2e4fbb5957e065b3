"""API bodies of armed rules."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from hypervisor.commands.arming import is_valid
from hypervisor.commands.queries_arming import Arming
from hypervisor.web.schemas import Body
from hypervisor.web.times import Instant


class ArmingBody(BaseModel):
    """A rule that may send by itself, at a site, from `starts` to before `ends`."""

    rule: str = Field(examples=["flood-asset-reached"])
    site: str = Field(description="Where the devices stand.")
    starts: datetime
    ends: datetime
    valid: bool = Field(description="False: the rule was revised since, and sends nothing.")
    author: str
    reason: str


class ArmingsBody(Body):
    """What is armed."""

    armed: list[ArmingBody]


class ArmingPut(BaseModel):
    """Arm a rule at a site, or with `ends` null disarm it at once."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule: Annotated[str, Field(max_length=200, examples=["flood-asset-reached"])]
    site: Annotated[str, Field(max_length=200)]
    starts: Instant | None = Field(default=None, description="Null: from now on.")
    ends: Instant | None
    reason: Annotated[str, Field(min_length=1, max_length=1_000)]


def describe_arming(arming: Arming, rules: Mapping[str, Mapping[str, Any]]) -> ArmingBody:
    """What is armed, as the API answers it. `rules`: those in force."""
    return ArmingBody(
        rule=arming.rule,
        site=arming.site,
        starts=arming.starts,
        ends=arming.ends,
        valid=is_valid(arming, rules),
        author=arming.author,
        reason=arming.reason,
    )
