"""Overdue work orders on Now."""

from collections.abc import Mapping
from typing import Any

from hypervisor.access.context import RequestContext
from hypervisor.base.translation import mark
from hypervisor.interventions.queries import Selection, list_interventions
from hypervisor.web.panes import Pane

_SHOWN = 5


def load(context: RequestContext) -> Mapping[str, Any] | None:
    late = Selection(overdue_at=context.now())
    orders = list_interventions(context.connection, late, limit=_SHOWN)
    return {"orders": orders} if orders else None


PANE = Pane(
    page="now",
    order=20,
    title=mark("Overdue work orders"),
    template="now_orders.html",
    load=load,
)
