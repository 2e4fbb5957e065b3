"""Administration of the inventory: lists and forms of its entries."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import RedirectResponse

from hypervisor.access.context import Context, RequestContext
from hypervisor.accounts import views as frame
from hypervisor.base.duties import Duty
from hypervisor.base.errors import NotFoundError
from hypervisor.base.translation import translate
from hypervisor.registry import form_tree, forms, service_inventory
from hypervisor.registry.export_yaml import format_yaml
from hypervisor.registry.forms import FORMS, FormKind
from hypervisor.registry.model import Registry
from hypervisor.registry.service_inventory import ChangedMeanwhileError, Submission
from hypervisor.registry.tree import InventoryError, Problem
from hypervisor.registry.views_inventory import SHOWN, may_write, render_overview
from hypervisor.web.forms import (
    FormField,
    FormValues,
    Values,
    digest_values,
    find_focus,
    sort_problems,
)
from hypervisor.web.page import Page
from hypervisor.web.refusals import refusal
from hypervisor.web.rendering import render

router = APIRouter(prefix="/admin/inventory")
PAGE: Page | None = None
SUGGESTED = 1_000  # names below a field
Back = Annotated[str, Query(pattern="^(now)?$")]  # the page to return to
Word = Annotated[str, Query(max_length=20)]
Name = Annotated[str, Query(max_length=200)]


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A form with what stands in it. `key` empty: a new entry."""

    form: FormKind
    key: str
    fields: list[FormField]
    values: Values
    back: str


@router.get("")
def show_inventory(context: Context, done: Word = "") -> Response:
    """How much there is of each kind; files to send and to take."""
    return render_overview(context, done=done)


@router.get("/list/{kind}")
def list_entries(context: Context, kind: str, q: Name = "", done: Word = "") -> Response:
    """The entries of a kind that hold all the words."""
    form = _require_form(context, kind)
    registry = service_inventory.load_visible(context)
    entries = forms.list_entries(registry, context.catalogue, form)
    words = q.lower().split()
    rows = [
        (key, entry)
        for key, entry in entries.items()
        for text in [f"{key} {entry.get('title', '')} {entry.get('name', '')}".lower()]
        if all(word in text for word in words)
    ]
    return render(
        context,
        "admin_inventory_list.html",
        form=form,
        q=q,
        rows=rows[:SHOWN],
        of=len(rows),
        may_write=may_write(context, form),
        **frame.admin_context(context, "inventory", done=done),
    )


@router.get("/form/{kind}")
def show_form(  # noqa: PLR0913, PLR0917  what an address may preset
    context: Context,
    kind: str,
    key: Name = "",
    back: Back = "",
    site: Name = "",
    commune: Annotated[str, Query(max_length=10)] = "",
    at: Word = "",
) -> Response:
    """The form of an entry, or of a new one.

    `site`, `commune`: what stands in a new one; `at`: the rows to begin in.
    """
    form = _require_form(context, kind)
    fields = forms.build_fields(form, context.catalogue)
    registry = service_inventory.load_visible(context)
    if key:
        entries = forms.list_entries(registry, context.catalogue, form)
        if key not in entries:
            raise NotFoundError("the inventory has no {key!r}", key)
        values = form_tree.fill_values(fields, entries[key])
    else:
        values = forms.preset(form, context.now(), {"site": site, "commune": commune})
    shown = Shown(form=form, key=key, fields=fields, values=values, back=back)
    return _render_form(context, shown, registry, at=at)


@router.post("/form/{kind}")
def save_form(
    context: Context, kind: str, values: FormValues, key: Name = "", back: Back = ""
) -> Response:
    """Save an entry, or show its form again with what is wrong."""
    form = _require_form(context, kind)
    context.require_anywhere(Duty.ADMINISTER)
    fields = forms.build_fields(form, context.catalogue)
    submitted = Submission(
        form=form,
        key=key,
        values={**values, **(dict(zip(form.keys, key.split(">"), strict=False)) if key else {})},
        mark=values.get("seen", ""),
        reason=values.get("reason", ""),
    )
    shown = Shown(form=form, key=key, fields=fields, values=submitted.values, back=back)
    if "more" in values:
        return _render_form(context, shown, spare=5)
    try:
        saved = service_inventory.save_entry(context, submitted)
    except InventoryError as error:
        return _render_form(context, shown, problems=error.problems)
    except ChangedMeanwhileError as error:
        return _render_form(context, shown, conflict=refusal(error))
    if back == "now":
        return RedirectResponse("/now", status_code=303)
    if form.name == "device":
        return RedirectResponse(f"/admin/devices?q={saved}&done=saved", status_code=303)
    return RedirectResponse(f"/admin/inventory/list/{form.name}?done=saved", status_code=303)


def _require_form(context: RequestContext, kind: str) -> FormKind:
    context.require_anywhere(Duty.ADMINISTER)
    if kind not in FORMS:
        raise NotFoundError("there is no form of {kind!r}", kind)
    return FORMS[kind]


def _render_form(  # noqa: PLR0913  what a form may show beside its fields
    context: RequestContext,
    shown: Shown,
    registry: Registry | None = None,
    *,
    problems: Iterable[Problem] = (),
    conflict: str = "",
    spare: int = 2,
    at: str = "",
) -> Response:
    registry = registry or service_inventory.load_visible(context)
    entry = forms.list_entries(registry, context.catalogue, shown.form).get(shown.key)
    now = {} if entry is None else form_tree.fill_values(shown.fields, entry)
    placed, others = sort_problems(
        shown.fields, ((problem.where.field, refusal(problem.text)) for problem in problems)
    )
    if conflict:
        placed = {
            name: [translate("now: %(value)s") % {"value": now.get(name) or "-"}]
            for field in shown.fields
            for name in {field.name, *(key for key in now if key.startswith(f"{field.name}."))}
            if field.kind != "rows" and now.get(name, "") != shown.values.get(name, "")
        }
    wrong = conflict or "; ".join(others)
    if placed and not wrong:
        wrong = translate("Some fields need another value: see beside them.")
    site = registry.sites.get(shown.values.get("site", ""))
    domain = shown.values.get("domain") or (site.domain if site else "")
    fixed = shown.form.keys if shown.key else ()
    return render(
        context,
        "admin_inventory_form.html",
        status_code=422 if wrong else 200,
        **vars(shown) | {"fields": forms.narrow(shown.fields, context.catalogue, domain)},
        focus=find_focus(shown.fields, shown.values, placed, fixed=fixed, at=at),
        problems=placed,
        spare=spare,
        shown_mark=digest_values(now),
        reason=shown.values.get("reason", ""),
        suggestions=_suggest(registry),
        as_file="" if entry is None else format_yaml(_section(shown.form, entry)),
        may_write=may_write(context, shown.form),
        **frame.admin_context(context, "inventory", wrong=wrong),
    )


def _section(form: FormKind, entry: Mapping[str, Any]) -> dict[str, Any]:
    """The entry as a file of its own."""
    if form.name != "device":
        return {form.section: [dict(entry)]}
    device = {name: value for name, value in entry.items() if name != "site"}
    return {"sites": [{"name": entry["site"], "devices": [device]}]}


def _suggest(registry: Registry) -> dict[str, list[tuple[str, str]]]:
    """The names that inputs propose, each with what people read."""
    plans = {revision.key for revision in registry.revisions if revision.kind == "plan"}
    lists: dict[str, Iterable[tuple[str, str]]] = {
        "sites": ((site.name, site.title) for site in registry.sites.values()),
        "communes": (
            (area.code, area.name) for area in registry.areas.values() if area.kind == "commune"
        ),
        "areas": (
            (area.code, area.name) for area in registry.areas.values() if area.kind != "commune"
        ),
        "gateways": ((gateway.name, gateway.title) for gateway in registry.gateways.values()),
        "devices": ((device.name, device.site) for device in registry.devices.values()),
        "plans": ((name, "") for name in sorted(plans)),
    }
    return {name: list(offered)[:SUGGESTED] for name, offered in lists.items()}
