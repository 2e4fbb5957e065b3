"""Templates to answers: the shell round every page, and fragments that htmx puts into it."""

import gzip
from functools import lru_cache
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from hypervisor.api.access import Access
from hypervisor.console import asking, bar, marks, mounting, roles
from hypervisor.console.asking import wants_fragment
from hypervisor.console.formats import FILTERS
from hypervisor.console.reader import Reader, current, reading
from hypervisor.console.refusals import refusal
from hypervisor.console.static_files import asset, reloading
from hypervisor.console.words import translate, translate_plural
from hypervisor.instance import Mode
from sensors._domain import catalogue

__all__ = ["fragment", "reader_of", "render", "wants_fragment"]


_WORTH = 2_000  # bytes


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The templates. The reader's language and zone are asked when a page is made."""
    made = Environment(
        loader=PackageLoader("hypervisor.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=reloading(),
        extensions=["jinja2.ext.i18n", "jinja2.ext.do", "jinja2.ext.loopcontrols"],
    )
    made.install_gettext_callables(  # type: ignore[attr-defined]  # the extension brings it
        translate, translate_plural, newstyle=True
    )
    made.filters.update(FILTERS, refusal=refusal)
    made.globals.update(
        asset=asset,
        translate=translate,
        role_words=roles.words,
        domain_label=domain_label,
        with_query=with_query,
        severities={rank: name for name, rank in marks.PRIORITIES.items()},
        priority=marks.priority,
        priority_name=marks.priority_name,
        mark_state=marks.state,
        mark_words=marks.words,
        spark=marks.spark,
        slope=marks.slope,
    )
    return made


def reader_of(asked: Access, request: Request | None = None) -> Reader:
    """Who reads what is made for this request."""
    return asking.reader_of(asked, request or asking.request())


def render(asked: Access, template: str, *, status_code: int = 200, **context: Any) -> HTMLResponse:
    """A whole page: its template extends base.html."""
    request = asking.request()
    with reading(reader_of(asked, request)):
        text = (
            environment()
            .get_template(template)
            .render(
                **_common(asked, request),
                bar=bar.look(asked),
                rail=mounting.rail(asked),
                **context,
            )
        )
    return _answer(request, text, status_code)


def fragment(
    asked: Access, template: str, *, status_code: int = 200, **context: Any
) -> HTMLResponse:
    """A part of a page, without the shell; `template#block` renders only that block."""
    request = asking.request()
    name, _, block = template.partition("#")
    with reading(reader_of(asked, request)):
        found = environment().get_template(name)
        variables = {**_common(asked, request), **context}
        if block:
            made = found.new_context(variables)
            text = "".join(found.blocks[block](made))
        else:
            text = found.render(variables)
    return _answer(request, text, status_code)


def _answer(request: Request, text: str, status_code: int) -> HTMLResponse:
    """Packed for who takes it.

    No secret is guessed from its length: another site's page cannot ask for it with our cookie
    (SameSite).
    """
    body = text.encode()
    headers = {"Vary": "Accept-Encoding, Cookie, HX-Request"}
    if len(body) > _WORTH and "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        body = gzip.compress(body, 4, mtime=0)
    return HTMLResponse(body, status_code=status_code, headers=headers)


@lru_cache(maxsize=1)
def _domains() -> dict[str, tuple[str, str]]:
    return {one.name: (one.label_fr, one.label_en) for one in catalogue().domains.values()}


def domain_label(name: str) -> str:
    """A domain in the reader's language."""
    french, english = _domains().get(name, (name, name))
    return french if current().language == "fr" else english


def with_query(**changed: str | int | None) -> str:
    """The address that is shown, with these parameters instead; None takes one away."""
    url = asking.request().url
    url = url.remove_query_params([name for name, value in changed.items() if value is None])
    url = url.include_query_params(**{k: v for k, v in changed.items() if v is not None})
    return f"{url.path}?{url.query}" if url.query else url.path


def _common(asked: Access, request: Request) -> dict[str, Any]:
    """What every template knows."""
    return {
        "asked": asked,
        "instance": asked.instance,
        "exercise": asked.instance.mode is Mode.EXERCISE,
        "person": getattr(asked, "person", None),
        "csrf_token": str(getattr(asked, "csrf", "") or ""),
        "reader": current(),
        "lang": current().language,
        "now": current().now,
        "path": request.url.path,
        "position": getattr(request.state, "position", ""),
        "query": request.query_params,
    }
