"""A hand-over that waits for its second signature, above Now."""

from collections.abc import Mapping
from typing import Any

from hypervisor.access.context import RequestContext
from hypervisor.alarms import queries_list
from hypervisor.base.translation import mark
from hypervisor.logbook import service_handover
from hypervisor.web.panes import Pane


def load(context: RequestContext) -> Mapping[str, Any] | None:
    handover = service_handover.find_waiting(context)
    if handover is None:
        return None
    with context.owning() as owner:
        titles = queries_list.read_account_titles(owner)
    author = handover.offered_by
    return {"handover": handover, "offered_by": titles.get(author, author)}


PANE = Pane(
    page="now-offers", order=10, title=mark("Hand-over"), template="now_handover.html", load=load
)
