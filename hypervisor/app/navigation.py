"""The pages of all rooms; the navigation rail and the status bar around them."""

from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType
from typing import Any

from fastapi import FastAPI

from hypervisor.access.context import RequestContext
from hypervisor.base import rooms
from hypervisor.overview import views_bar
from hypervisor.web.page import Page
from hypervisor.web.request import RequestMiddleware, current_request


@dataclass(frozen=True, kw_only=True)
class Link:
    """A page in the rail."""

    page: Page
    here: bool
    parted: bool  # begins a new group


@lru_cache(maxsize=1)
def modules() -> tuple[ModuleType, ...]:
    """The modules of pages, by room and name."""
    return tuple(module for module in rooms.modules("pages") if hasattr(module, "router"))


@lru_cache(maxsize=1)
def list_pages() -> tuple[Page, ...]:
    """The pages of the rail in its order."""
    pages = (getattr(module, "PAGE", None) for module in modules())
    return tuple(sorted((page for page in pages if page), key=lambda page: page.order))


def install(app: FastAPI) -> None:
    """Put the bar and the rail around the pages of `app`."""
    app.state.shell = shell
    app.add_middleware(RequestMiddleware)


def shell(context: RequestContext) -> dict[str, Any]:
    """The bar and the rail around a page."""
    return {"bar": views_bar.build_bar(context), "rail": rail(context)}


def rail(context: RequestContext) -> list[Link]:
    """The pages that this person may see; `here` marks the current one."""
    path = current_request().url.path
    links: list[Link] = []
    for page in list_pages():
        if page.needs is not None and not _may(context, page.needs):
            continue
        before = links[-1].page if links else None
        links.append(
            Link(
                page=page,
                here=any(
                    path == address or path.startswith(f"{address}/")
                    for address in (page.address, *page.also)
                ),
                parted=before is not None and before.order // 10 != page.order // 10,
            )
        )
    return links


def _may(context: RequestContext, needs: str) -> bool:
    person = getattr(context, "person", None)
    may = getattr(person, "may", None)
    return True if may is None else bool(may(needs))
