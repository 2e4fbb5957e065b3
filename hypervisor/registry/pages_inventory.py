"""Administration of the inventory: forms of its entries, files with a preview, the file of now."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Query, Response, UploadFile
from fastapi.responses import RedirectResponse

from hypervisor.access.context import Context, RequestContext
from hypervisor.accounts import views as frame
from hypervisor.base.duties import Duty
from hypervisor.base.errors import NotFoundError, StaleError
from hypervisor.base.translation import mark, translate
from hypervisor.registry import form_tree, forms, service_inventory, tables
from hypervisor.registry.export_geojson import export_features, format_features
from hypervisor.registry.export_yaml import format_registry, format_yaml
from hypervisor.registry.forms import FORMS, FormKind
from hypervisor.registry.inventory_files import SUFFIXES, list_examples
from hypervisor.registry.model import Registry
from hypervisor.registry.service_inventory import (
    ChangedMeanwhileError,
    Preview,
    SourceFile,
    Submission,
)
from hypervisor.registry.tree import InventoryError, Problem
from hypervisor.web.forms import FormField, FormValues, Values, digest_values, sort_problems
from hypervisor.web.page import Page
from hypervisor.web.refusals import refusal
from hypervisor.web.rendering import render

router = APIRouter()
PAGE: Page | None = None
SHOWN = 100  # entries of a list, and lines of a difference
SUGGESTED = 1_000  # names below a field
LARGEST = 1_500_000  # characters of a file; twice as many bytes, escaped, pass through a form
MAPS = ("sites", "zones", "assets")
CHANGE_KINDS: Mapping[str, str] = {
    "area": mark("territory"),
    "site": mark("site"),
    "device": mark("device"),
    "series": mark("series"),
    "gateway": mark("gateway"),
    "group": mark("group"),
    "zone": mark("zone"),
    "asset": mark("asset"),
    "threshold": mark("threshold"),
    "datum": mark("zero of the gauge"),
    "link": mark("river link"),
    "reach": mark("reach"),
    "service": mark("service"),
    "reporting": mark("reporting"),
    "member": mark("member"),
    "supply": mark("supply"),
    "plan": mark("lighting plan"),
    "works": mark("works"),
}
Kind = Annotated[str, Query(max_length=20)]
Key = Annotated[str, Query(max_length=200)]
Text = Annotated[str, Form(max_length=1_000)]
Names = Annotated[list[str] | None, Form()]
Texts = Annotated[list[str] | None, Form()]


@router.get("/admin/inventory")
def show_inventory(context: Context, done: Annotated[str, Query(max_length=20)] = "") -> Response:
    """How much there is of each kind; files to send and to take."""
    return _render_overview(context, done=done)


@router.get("/admin/inventory/list/{kind}")
def list_entries(
    context: Context,
    kind: str,
    q: Annotated[str, Query(max_length=200)] = "",
    done: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """The entries of a kind that hold all the words."""
    form = _require_form(context, kind)
    registry = service_inventory.load_visible(context)
    entries = forms.list_entries(registry, context.catalogue, form)
    words = q.lower().split()
    rows = [
        (key, entry)
        for key, entry in entries.items()
        if all(
            word in f"{key} {entry.get('title', '')} {entry.get('name', '')}".lower()
            for word in words
        )
    ]
    return render(
        context,
        "admin_inventory_list.html",
        form=form,
        q=q,
        rows=rows[:SHOWN],
        of=len(rows),
        may_write=_may_write(context, form),
        **frame.admin_context(context, "inventory", done=done),
    )


@router.get("/admin/inventory/form/{kind}")
def show_form(  # noqa: PLR0913, PLR0917  what an address may preset
    context: Context,
    kind: str,
    key: Key = "",
    back: Annotated[str, Query(pattern="^(now)?$")] = "",
    site: Annotated[str, Query(max_length=200)] = "",
    commune: Annotated[str, Query(max_length=10)] = "",
) -> Response:
    """The form of an entry, or of a new one; `site`, `commune`: what stands in a new one."""
    form = _require_form(context, kind)
    registry = service_inventory.load_visible(context)
    fields = forms.build_fields(form, context.catalogue)
    if key:
        entries = forms.list_entries(registry, context.catalogue, form)
        if key not in entries:
            raise NotFoundError("the inventory has no {key!r}", key)
        values = form_tree.fill_values(fields, entries[key])
    else:
        values = forms.preset(form, context.now(), {"site": site, "commune": commune})
    shown = Shown(form=form, key=key, fields=fields, values=values, back=back)
    return _render_form(context, registry, shown)


@router.post("/admin/inventory/form/{kind}")
def save_form(
    context: Context,
    kind: str,
    values: FormValues,
    key: Key = "",
    back: Annotated[str, Query(pattern="^(now)?$")] = "",
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
        return _render_form(context, service_inventory.load_visible(context), shown, spare=5)
    try:
        saved = service_inventory.save_entry(context, submitted)
    except InventoryError as error:
        registry = service_inventory.load_visible(context)
        return _render_form(context, registry, shown, problems=error.problems)
    except ChangedMeanwhileError as error:
        registry = service_inventory.load_visible(context)
        return _render_form(context, registry, shown, conflict=refusal(error))
    if back == "now":
        return RedirectResponse("/now", status_code=303)
    if form.name == "device":
        return RedirectResponse(f"/admin/devices?q={saved}&done=saved", status_code=303)
    return RedirectResponse(f"/admin/inventory/list/{form.name}?done=saved", status_code=303)


@router.post("/admin/inventory/preview")
def read_upload(
    context: Context,
    files: Annotated[list[UploadFile] | None, File()] = None,
    example: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """What applying the files would change; nothing is changed."""
    sources, problem = _read_sources(files or [], example)
    if problem:
        return _render_overview(context, wrong=problem)
    return _render_preview(context, sources)


@router.post("/admin/inventory/apply")
def apply_upload(  # noqa: PLR0913, PLR0917  the fields of the form
    context: Context,
    names: Names = None,
    texts: Texts = None,
    seen: Text = "",
    reason: Text = "",
    overwrite: Text = "",
) -> Response:
    """Apply what the preview showed."""
    context.require_anywhere(Duty.ADMINISTER)
    sources = [
        SourceFile(name=name, text=text.replace("\r\n", "\n"))
        for name, text in zip(names or [], texts or [], strict=False)
    ]
    try:
        service_inventory.apply_files(
            context, sources, mark=seen, reason=reason.strip(), overwrites=bool(overwrite)
        )
    except StaleError as error:
        return _render_preview(context, sources, conflicts=error.conflicts, reason=reason)
    except ChangedMeanwhileError as error:
        return _render_preview(context, sources, wrong=refusal(error), reason=reason)
    except InventoryError:
        return _render_preview(context, sources, reason=reason)
    return RedirectResponse("/admin/inventory?done=applied", status_code=303)


@router.get("/admin/inventory/file")
def download_yaml(context: Context) -> Response:
    """The registry of now as one file."""
    _require_administrator(context)
    text = format_registry(service_inventory.load_visible(context), context.catalogue)
    return _download(text, "inventory.yaml", "application/yaml")


@router.get("/admin/inventory/file/{what}")
def download_geojson(context: Context, what: str) -> Response:
    """Sites, zones or assets for a map program."""
    _require_administrator(context)
    features = export_features(service_inventory.load_visible(context), what)
    return _download(format_features(features), f"{what}.geojson", "application/geo+json")


# -- what the pages show ---------------------------------------------------------------------------


class Shown:
    """A form with what stands in it."""

    def __init__(
        self, *, form: FormKind, key: str, fields: list[FormField], values: Values, back: str
    ) -> None:
        """`key` empty: a new entry."""
        self.form, self.key, self.fields, self.back = form, key, fields, back
        self.values = values


def _require_administrator(context: RequestContext) -> None:
    context.require_anywhere(Duty.ADMINISTER)


def _require_form(context: RequestContext, kind: str) -> FormKind:
    _require_administrator(context)
    if kind not in FORMS:
        raise NotFoundError("there is no form of {kind!r}", kind)
    return FORMS[kind]


def _may_write(context: RequestContext, form: FormKind) -> bool:
    return not form.instance_wide or context.person.everywhere(Duty.ADMINISTER)


def _render_form(  # noqa: PLR0913  what a form may show beside its fields
    context: RequestContext,
    registry: Registry,
    shown: Shown,
    *,
    problems: Iterable[Problem] = (),
    conflict: str = "",
    spare: int = 2,
) -> Response:
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
    return render(
        context,
        "admin_inventory_form.html",
        status_code=422 if wrong else 200,
        form=shown.form,
        key=shown.key,
        fields=shown.fields,
        values=shown.values,
        problems=placed,
        spare=spare,
        back=shown.back,
        shown_mark=digest_values(now),
        reason=shown.values.get("reason", ""),
        suggestions=_suggest(registry),
        as_file="" if entry is None else format_yaml(_section(shown.form, entry)),
        may_write=_may_write(context, shown.form),
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


def _render_overview(context: RequestContext, *, done: str = "", wrong: str = "") -> Response:
    shared = frame.admin_context(context, "inventory", done=done, wrong=wrong)
    registry = service_inventory.load_visible(context)
    links = {
        revision.key: revision.value for revision in registry.revisions if revision.kind == "link"
    }
    plans = {
        revision.key: revision.value for revision in registry.revisions if revision.kind == "plan"
    }
    counts: Mapping[str, int] = {
        "area": len(registry.areas),
        "site": len(registry.sites),
        "device": len(registry.devices),
        "link": sum(value is not None for value in links.values()),
        "asset": len(registry.assets),
        "group": len(registry.groups),
        "plan": sum(value is not None for value in plans.values()),
        "gateway": len(registry.gateways),
        "zone": len(registry.zones),
    }
    return render(
        context,
        "admin_inventory.html",
        status_code=422 if wrong else 200,
        forms=[(form, counts[name], _may_write(context, form)) for name, form in FORMS.items()],
        examples=list(list_examples()),
        suffixes=",".join((*SUFFIXES, ".json")),
        maps=MAPS,
        **shared,
    )


def _render_preview(
    context: RequestContext,
    sources: Sequence[SourceFile],
    *,
    conflicts: Sequence[str] = (),
    wrong: str = "",
    reason: str = "",
) -> Response:
    """The difference that the files make, or what is wrong with them."""
    preview: Preview | None = None
    problems: Sequence[Problem] = ()
    try:
        preview = service_inventory.preview_files(context, sources)
    except InventoryError as error:
        problems = error.problems
    lines = [] if preview is None else list(tables.condense_lines(preview.changes.lines))
    return render(
        context,
        "admin_inventory_preview.html",
        status_code=422 if problems or wrong or conflicts else 200,
        sources=sources,
        problems=problems[:SHOWN],
        of=len(problems),
        lines=lines[:SHOWN],
        more=len(lines) - SHOWN,
        counts={} if preview is None else tables.count_changes(preview.changes),
        preview_mark="" if preview is None else preview.mark,
        conflicts=[refusal(conflict) for conflict in conflicts],
        reason=reason,
        KIND_WORDS=CHANGE_KINDS,
        **frame.admin_context(context, "inventory", wrong=wrong),
    )


def _read_sources(files: Sequence[UploadFile], example: str) -> tuple[list[SourceFile], str]:
    """The texts of the files, and what is wrong with one of them."""
    sources: list[SourceFile] = []
    if example in list_examples():
        folder = list_examples()[example]
        for part in sorted(folder.iterdir(), key=lambda entry: entry.name):
            if part.name.endswith(SUFFIXES):
                text = part.read_text(encoding="utf-8")
                sources.append(SourceFile(name=f"{example}/{part.name}", text=text))
    for file in files:
        name = file.filename or ""
        if not name:
            continue
        if not name.lower().endswith((*SUFFIXES, ".json")):
            expected = translate("%(name)s: expected a file that ends in .yaml, .csv or .geojson")
            return [], expected % {"name": name}
        content = file.file.read()
        try:
            sources.append(SourceFile(name=name, text=content.decode("utf-8-sig")))
        except UnicodeDecodeError as error:
            line = content[: error.start].count(b"\n") + 1
            wrong = translate("%(name)s:%(line)s: is not UTF-8: save it again with that encoding")
            return [], wrong % {"name": name, "line": line}
    if not sources:
        return [], translate("Choose a file, or an example.")
    if sum(len(source.text) for source in sources) > LARGEST:
        return [], translate("The files are too large for a page: use hypervisor inventory apply.")
    return sources, ""


def _download(text: str, name: str, media: str) -> Response:
    return Response(
        text,
        media_type=media,
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
        },
    )
