"""Commands on Now: proposed by rules, to be signed, under way, or lost lately."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from hypervisor.access.context import RequestContext
from hypervisor.base.translation import mark
from hypervisor.commands.views import Desk
from hypervisor.web.panes import Pane

_SHOWN = 5
_LOST = timedelta(hours=2)  # how long a command that failed stays


def load(context: RequestContext) -> Mapping[str, Any] | None:
    desk = Desk(context=context)
    commands = desk.list_current(lately=_LOST, limit=_SHOWN)
    proposals = desk.list_proposals(limit=_SHOWN)
    if not commands and not proposals:
        return None
    return {"desk": desk, "commands": commands, "proposals": proposals}


PANE = Pane(page="now", order=10, title=mark("Commands"), template="now_commands.html", load=load)
