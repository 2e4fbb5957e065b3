"""Administration of the inventory: files with a preview, the file of now."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, File, Form, Response, UploadFile
from fastapi.responses import RedirectResponse

from hypervisor.access.context import Context, RequestContext
from hypervisor.accounts import views as frame
from hypervisor.base.duties import Duty
from hypervisor.base.errors import StaleError
from hypervisor.base.translation import mark, translate
from hypervisor.registry import service_inventory, tables
from hypervisor.registry.export_geojson import export_features, format_features
from hypervisor.registry.export_yaml import format_registry
from hypervisor.registry.inventory_files import SUFFIXES, list_examples
from hypervisor.registry.service_inventory import ChangedMeanwhileError, Preview, SourceFile
from hypervisor.registry.tree import InventoryError, Problem
from hypervisor.registry.views_inventory import SHOWN, render_overview
from hypervisor.web.budget import DECODING, WORK, costs
from hypervisor.web.page import Page
from hypervisor.web.refusals import refusal
from hypervisor.web.rendering import render

router = APIRouter(prefix="/admin/inventory")
PAGE: Page | None = None
LARGEST = 1_500_000  # characters of a file; twice as many bytes, escaped, pass through a form
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
Text = Annotated[str, Form(max_length=1_000)]
Names = Annotated[list[str] | None, Form()]
Texts = Annotated[list[str] | None, Form()]


@router.post("/preview")
@costs(DECODING)
def read_upload(
    context: Context,
    files: Annotated[list[UploadFile] | None, File()] = None,
    example: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """What applying the files would change; nothing is changed."""
    sources, problem = _read_sources(files or [], example)
    if problem:
        return render_overview(context, wrong=problem)
    return _render_preview(context, sources)


@router.post("/apply")
@costs(DECODING)
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


@router.get("/file")
@costs(WORK)
def download_yaml(context: Context) -> Response:
    """The registry of now as one file."""
    context.require_anywhere(Duty.ADMINISTER)
    text = format_registry(service_inventory.load_visible(context), context.catalogue)
    return _download(text, "inventory.yaml", "application/yaml")


@router.get("/file/{what}")
@costs(WORK)
def download_geojson(context: Context, what: str) -> Response:
    """Sites, zones or assets for a map program."""
    context.require_anywhere(Duty.ADMINISTER)
    features = export_features(service_inventory.load_visible(context), what)
    return _download(format_features(features), f"{what}.geojson", "application/geo+json")


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
