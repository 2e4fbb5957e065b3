"""Templates to answers: the shell round every page, and fragments that htmx puts into it."""

import gzip
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from hypervisor.access.context import RequestContext
from hypervisor.base import rooms
from hypervisor.base.instance import Mode
from hypervisor.base.reader import current, reading
from hypervisor.base.translation import translate, translate_plural
from hypervisor.base.words import EXTERNAL_DOMAIN
from hypervisor.web import calm, documents, marks, roles
from hypervisor.web.filters import FILTERS
from hypervisor.web.forms import example
from hypervisor.web.refusals import refusal
from hypervisor.web.request import current_request, reader_of, wants_fragment
from hypervisor.web.static_files import asset, reloading
from sensors._domain import Domain, catalogue

__all__ = ["draw", "fragment", "reader_of", "render", "wants_fragment"]


_WORTH = 2_000  # bytes


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The templates. The reader's language and zone are asked when a page is made."""
    made = Environment(
        loader=FileSystemLoader(rooms.template_folders()),
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
    made.filters.update(FILTERS | calm.FILTERS, refusal=refusal)
    made.globals.update(
        example=example,
        asset=asset,
        document_title=documents.title_of,
        translate=translate,
        role_words=roles.words,
        domain_colour=domain_colour,
        domain_icon=domain_icon,
        domain_label=domain_label,
        domain_names=domain_names,
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


def render(
    context: RequestContext, template: str, *, status_code: int = 200, **values: Any
) -> HTMLResponse:
    """A complete page: its template extends base.html."""
    request = current_request()
    with reading(reader_of(context, request)):
        text = (
            environment()
            .get_template(template)
            .render(
                **_common_context(context, request),
                **request.app.state.shell(context),
                **values,
            )
        )
    return _build_response(request, text, status_code)


def fragment(
    context: RequestContext, template: str, *, status_code: int = 200, **values: Any
) -> HTMLResponse:
    """The answer with a part of a page, without the shell."""
    text = draw(context, template, **values)
    return _build_response(current_request(), text, status_code)


def draw(context: RequestContext, template: str, **values: Any) -> Markup:
    """A part of a page; `template#block` renders only that block."""
    request = current_request()
    name, _, block = template.partition("#")
    with reading(reader_of(context, request)):
        loaded = environment().get_template(name)
        variables = {**_common_context(context, request), **values}
        if block:
            return Markup("".join(loaded.blocks[block](loaded.new_context(variables))))  # noqa: S704
        return Markup(loaded.render(variables))  # noqa: S704  templates escape their values


def _build_response(request: Request, text: str, status_code: int) -> HTMLResponse:
    """Packed for clients that accept it.

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
def _domains() -> Mapping[str, Domain]:
    return catalogue().domains


def domain_names() -> list[str]:
    """The domains of the catalogue, by name."""
    return sorted(_domains())


def alarm_domains() -> list[str]:
    """The domains that alarms have."""
    return [*domain_names(), EXTERNAL_DOMAIN]


def domain_label(name: str) -> str:
    """A domain in the reader's language."""
    if name == EXTERNAL_DOMAIN:
        return translate("external")
    domain = _domains().get(name)
    if domain is None:
        return name
    return domain.label_fr if current().language == "fr" else domain.label_en


def domain_colour(name: str) -> str:
    """The colour of a domain's marks; the style sheet mixes the colour of text into it."""
    return _domains().get(name, Domain).colour


def domain_icon(name: str) -> str:
    """The SVG path of a domain's icon."""
    return _domains().get(name, Domain).icon


def with_query(**changed: str | int | None) -> str:
    """The address that is shown, with these parameters instead; None takes one away."""
    url = current_request().url
    url = url.remove_query_params([name for name, value in changed.items() if value is None])
    url = url.include_query_params(**{k: v for k, v in changed.items() if v is not None})
    return f"{url.path}?{url.query}" if url.query else url.path


def _common_context(context: RequestContext, request: Request) -> dict[str, Any]:
    """What every template knows."""
    return {
        "instance": context.instance,
        "exercise": context.instance.mode is Mode.EXERCISE,
        "person": getattr(context, "person", None),
        "csrf_token": str(getattr(context, "csrf", "") or ""),
        "reader": current(),
        "lang": current().language,
        "now": current().now,
        "path": request.url.path,
        "posted": request.method == "POST",
        "position": getattr(request.state, "position", ""),
        "query": request.query_params,
    }
