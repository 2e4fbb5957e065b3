"""Finds the modules of pages/ and mounts them, with the static files and the bar."""

import importlib
import pkgutil
from dataclasses import dataclass
from functools import lru_cache

from fastapi import FastAPI

from hypervisor.api.access import Access
from hypervisor.console import asking, pages, static_files
from hypervisor.console.page import Page


@dataclass(frozen=True, kw_only=True)
class Link:
    """A page in the rail."""

    page: Page
    here: bool
    parted: bool  # begins a new group


@lru_cache(maxsize=1)
def modules() -> tuple[object, ...]:
    """The pages' modules, by name."""
    names = sorted(found.name for found in pkgutil.iter_modules(pages.__path__))
    return tuple(importlib.import_module(f"{pages.__name__}.{name}") for name in names)


@lru_cache(maxsize=1)
def known() -> tuple[Page, ...]:
    """The pages of the rail in its order."""
    found = (getattr(module, "PAGE", None) for module in modules())
    return tuple(sorted((page for page in found if page), key=lambda page: page.order))


def mount(app: FastAPI) -> None:
    """Serve the console from `app`."""
    app.include_router(static_files.router)
    for module in modules():
        app.include_router(module.router, include_in_schema=False)  # type: ignore[attr-defined]
    app.add_middleware(asking.Asking)


def rail(asked: Access) -> list[Link]:
    """The pages that this person may see; the one that stands at the request's address is here."""
    path = asking.request().url.path
    links: list[Link] = []
    for page in known():
        if page.needs is not None and not _may(asked, page.needs):
            continue
        before = links[-1].page if links else None
        links.append(
            Link(
                page=page,
                here=any(
                    path == one or path.startswith(f"{one}/") for one in (page.address, *page.also)
                ),
                parted=before is not None and before.order // 10 != page.order // 10,
            )
        )
    return links


def _may(asked: Access, needs: str) -> bool:
    person = getattr(asked, "person", None)
    may = getattr(person, "may", None)
    return True if may is None else bool(may(needs))
