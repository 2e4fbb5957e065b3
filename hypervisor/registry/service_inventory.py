"""What administrators change in the console: an entry in its form, an inventory by its files.

Both say what a file says and are applied as one: `inventory apply` and the console share the code.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from hypervisor.access.context import RequestContext
from hypervisor.access.errors import ForbiddenError
from hypervisor.base.duties import WORDS, Duty
from hypervisor.base.person import Territory
from hypervisor.registry import form_tree, forms
from hypervisor.registry import queries as store
from hypervisor.registry.apply import Act, apply_steps, compare
from hypervisor.registry.changes import Changes, apply_changes
from hypervisor.registry.forms import FormKind
from hypervisor.registry.inventory import Inventory, join
from hypervisor.registry.inventory_files import read_text, read_tree
from hypervisor.registry.model import Registry
from hypervisor.registry.reach import is_within
from hypervisor.registry.revisions import Stamp
from hypervisor.registry.tree import InventoryError, Problem, Where
from hypervisor.web.forms import Values, digest_values
from sensors._errors import Message, TerritoryError


class ChangedMeanwhileError(TerritoryError):
    """Somebody changed what the page showed."""


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """A file that somebody sent: its name and its text."""

    name: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What applying would change. `mark`: of this difference, to notice that it became another."""

    changes: Changes
    mark: str


def load_visible(context: RequestContext) -> Registry:
    """The registry as far as the person sees it."""
    return store.load(context.connection)


# -- a form ----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Submission:
    """What somebody entered. `key`: of the entry, empty: a new one; `mark`: of what they saw."""

    form: FormKind
    key: str
    values: Values
    mark: str
    reason: str = ""


def save_entry(context: RequestContext, submitted: Submission) -> str:
    """Write what the form changes; the key of the entry.

    Raises:
        InventoryError: a problem of a field; its `where.field` is the name of the input.
        ChangedMeanwhileError: somebody changed the entry since the form was shown.
        ForbiddenError: it lies, or would lie, outside the person's territory.
    """
    form = submitted.form
    key = submitted.key or forms.key_of(form, submitted.values)

    def steps(_registry: Registry) -> list[Inventory]:
        # Read while the registry is locked, and as the form was: what the person sees of it.
        return [_read_submission(context, load_visible(context), submitted)]

    # What the person does not see is in no message: first with the registry as they see it.
    stamp = _stamp(context, submitted.reason or Message("entered in a form"))
    visible = load_visible(context)
    compare(visible, steps(visible)[0], stamp=stamp, domain_catalogue=context.catalogue)
    _write(context, steps, stamp=stamp, act=Act(subject=f"{form.name}/{key}", overwrites=True))
    return key


def _read_submission(
    context: RequestContext, registry: Registry, submitted: Submission
) -> Inventory:
    form, values = submitted.form, submitted.values
    fields = forms.build_fields(form, context.catalogue)
    entries = forms.list_entries(registry, context.catalogue, form)
    place = Where(file="", line=0, field=form.keys[0])
    if not submitted.key and forms.key_of(form, values) in entries:
        raise InventoryError.at(
            place, Message("exists already: choose another name, or change that one")
        )
    if submitted.key and submitted.key not in entries:
        raise ChangedMeanwhileError("it no longer exists: somebody else changed it")
    shown = form_tree.fill_values(fields, entries[submitted.key]) if submitted.key else {}
    if submitted.key and digest_values(shown) != submitted.mark:
        raise ChangedMeanwhileError(
            "somebody changed it meanwhile: compare your fields with what is there now, and save"
            " again"
        )
    problems = list(_missing_references(form, values, registry))
    if problems:
        raise InventoryError(problems)
    return read_tree(form_tree.build_tree(form, fields, values, shown), catalogue=context.catalogue)


def _missing_references(form: FormKind, values: Values, registry: Registry) -> Iterable[Problem]:
    """A file may describe a site and its devices together; a form does not invent the site."""
    site = values.get("site", "")
    if form.name == "device" and site not in registry.sites:
        place = Where(file="", line=0, field="site")
        yield place.unknown("site", site, registry.sites)


# -- files -----------------------------------------------------------------------------------------


def read_files(context: RequestContext, files: Sequence[SourceFile]) -> Inventory:
    """The content of files, joined. Raises InventoryError: with the problems of all of them."""
    parts: list[Inventory] = []
    problems: list[Problem] = []
    for file in files:
        try:
            parts.append(read_text(file.text, file=file.name, catalogue=context.catalogue))
        except InventoryError as error:
            problems.extend(error.problems)
    if problems:
        raise InventoryError(problems)
    return join(parts)


def preview_files(context: RequestContext, files: Sequence[SourceFile]) -> Preview:
    """What applying the files would change, of what the person sees.

    Raises:
        InventoryError: with every problem of the files, or of the resulting registry.
        ForbiddenError: some of it lies outside the person's territory.
    """
    inventory, registry = read_files(context, files), load_visible(context)
    stamp = _stamp(context, "preview")
    changes = compare(registry, inventory, stamp=stamp, domain_catalogue=context.catalogue)
    _require_reach(context, registry, changes)
    return Preview(changes=changes, mark=_mark(changes))


def apply_files(
    context: RequestContext,
    files: Sequence[SourceFile],
    *,
    mark: str,
    reason: str,
    overwrites: bool = False,
) -> Changes:
    """Apply the files, if they change what the preview showed.

    Raises:
        InventoryError: with every problem.
        ChangedMeanwhileError: the registry changed since the preview, and so does the difference.
        StaleError: they would undo thresholds set by hand, and `overwrites` does not allow it.
        ForbiddenError: some of it lies outside the person's territory.
    """
    shown = preview_files(context, files)
    if shown.mark != mark:
        raise ChangedMeanwhileError(
            "the registry changed since the preview: look at the difference again"
        )
    inventory = read_files(context, files)
    subject = " ".join(file.name for file in files)
    return _write(
        context,
        lambda _registry: [inventory],
        stamp=_stamp(context, reason or f"inventory apply {subject}"),
        act=Act(subject=subject, overwrites=overwrites),
    )


def _mark(changes: Changes) -> str:
    """Times that follow the clock do not make it another difference."""
    lines = [replace(line, effective=None) for line in changes.lines]
    return hashlib.blake2b(repr(lines).encode(), digest_size=12).hexdigest()


# -- both ------------------------------------------------------------------------------------------


def _write(
    context: RequestContext,
    steps: Callable[[Registry], Iterable[Inventory]],
    *,
    stamp: Stamp,
    act: Act,
) -> Changes:
    """Apply in one transaction, or not at all where some of it is not theirs."""
    before: list[Registry] = []

    def remember(registry: Registry) -> Iterable[Inventory]:
        before.append(registry)
        return steps(registry)

    context.require_anywhere(Duty.ADMINISTER)
    with context.writing() as connection:
        changes = apply_steps(connection, remember, stamp=stamp, act=act)
        _require_reach(context, before[0], changes)
        if _moves_territories(before[0], changes):
            context.require_confirmed()
    context.connection.rollback()  # the next read sees what was written
    return changes


def _moves_territories(registry: Registry, changes: Changes) -> bool:
    """Whether somebody's roles reach another place from now on."""
    return bool(changes.areas) or any(
        site.name in registry.sites and registry.sites[site.name].commune != site.commune
        for site in changes.sites
    )


def _require_reach(context: RequestContext, registry: Registry, changes: Changes) -> None:
    held: Territory = context.require_anywhere(Duty.ADMINISTER)
    if not is_within(held, registry, apply_changes(registry, changes), changes):
        raise ForbiddenError("{code} may not {words}", context.person.name, WORDS[Duty.ADMINISTER])


def _stamp(context: RequestContext, reason: str) -> Stamp:
    return Stamp(author=context.person.name, reason=reason, now=context.now())
