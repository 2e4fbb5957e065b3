"""Panes of pages: a module `pane_<name>.py` of any room has a `PANE`, and is found."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from markupsafe import Markup

from hypervisor.access.context import RequestContext
from hypervisor.base import rooms
from hypervisor.base.failures import describe_failure
from hypervisor.database.connect import StoreError
from hypervisor.database.steps import ends_session
from hypervisor.web.rendering import draw

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Pane:
    """A part of a page. `page`: now, or now-offers above it; `order`: from the top.

    `title`: marked, for where the pane cannot be shown. `load`: the values of the template, None:
    there is nothing to show; it runs at every refresh, so it asks the database once or twice.
    """

    page: str
    order: int
    title: str
    template: str
    load: Callable[[RequestContext], Mapping[str, Any] | None]


@lru_cache(maxsize=8)
def list_panes(page: str) -> tuple[Pane, ...]:
    """The panes of a page, of all rooms, from the top."""
    panes: list[Pane] = [module.PANE for module in rooms.modules("pane")]
    return tuple(sorted((pane for pane in panes if pane.page == page), key=lambda pane: pane.order))


def draw_panes(context: RequestContext, page: str) -> list[Markup]:
    """The panes that have something to show; one that fails says so in its place."""
    drawn = (_draw(context, pane) for pane in list_panes(page))
    return [html for html in drawn if html]


def _draw(context: RequestContext, pane: Pane) -> Markup:
    try:
        with context.connection.transaction():  # a statement that fails ends no other
            values = pane.load(context)
            return Markup() if values is None else draw(context, pane.template, **values)
    except Exception as error:
        if isinstance(error, StoreError) or ends_session(error):
            raise
        log.warning("the pane %s failed: %s", pane.template, describe_failure(error))
        return draw(context, "parts/pane_failed.html", pane=pane)
