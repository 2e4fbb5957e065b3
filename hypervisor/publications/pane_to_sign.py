"""Drafts of warnings that wait for their second signature, above Now."""

from collections.abc import Mapping
from typing import Any

from hypervisor.access.context import RequestContext
from hypervisor.base.duties import Duty
from hypervisor.base.translation import mark
from hypervisor.publications.queries import list_waiting
from hypervisor.web.panes import Pane


def load(context: RequestContext) -> Mapping[str, Any] | None:
    drafts = list_waiting(context.connection) if context.person.may(Duty.OPERATE) else []
    return {"to_sign": drafts} if drafts else None


PANE = Pane(
    page="now-offers",
    order=20,
    title=mark("Warnings to sign"),
    template="now_to_sign.html",
    load=load,
)
