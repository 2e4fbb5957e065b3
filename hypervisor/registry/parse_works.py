"""Planned works as a file writes them: from when to when nobody should trust what is there."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hypervisor.base.instants import EPOCH
from hypervisor.base.scalars import instant, truth
from hypervisor.registry.field_reader import FieldReader
from hypervisor.registry.inventory import Fact
from hypervisor.registry.tree import Items, Leaf

SUBJECTS = ("sites", "devices", "groups")
WORKS_FIELDS = ("name", "begins", "ends", *SUBJECTS, "reason", "withdrawn")


def parse_works(form: FieldReader) -> Fact | None:
    """One window of works. Its times are in its value: it holds, whenever it was said."""
    name = form.name()
    gone = form.take("withdrawn", truth)
    begins, ends = form.take("begins", instant), form.take("ends", instant)
    subjects = {kind: _parse_names(form, kind) for kind in SUBJECTS}
    reason = form.text("reason")
    if name is None:
        return None
    if gone:
        return works_fact(name, None, reason=reason, where=form.where)
    for field in ("begins", "ends"):
        if not form.has(field):
            form.problem(f"needs {field!r}, such as 2024-11-04T08:00+01:00", form.at(field))
    if not any(subjects.values()):
        form.problem(f"needs what it concerns: some of {', '.join(SUBJECTS)}", form.where)
    if begins is None or ends is None:
        return None
    if ends <= begins:
        form.problem("ends before it begins", form.at("ends"))
    return works_fact(name, works_value(begins, ends, subjects), reason=reason, where=form.where)


def works_fact(name: str, value: dict[str, Any] | None, *, reason: str | None, where: Any) -> Fact:
    """The fact of a window; the one recorded last stands for all times."""
    return Fact(kind="works", key=name, value=value, where=where, effective=EPOCH, reason=reason)


def works_value(
    begins: datetime, ends: datetime, subjects: Mapping[str, list[str]]
) -> dict[str, Any]:
    """The value of its revision."""
    return {
        "begins": _format_time(begins),
        "ends": _format_time(ends),
        **{kind: sorted(subjects.get(kind, ())) for kind in SUBJECTS},
    }


def _format_time(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _parse_names(form: FieldReader, kind: str) -> list[str]:
    node = form.fields.get(kind)
    if node is None or (isinstance(node, Leaf) and not node.text):
        return []
    if isinstance(node, Items) and all(isinstance(item, Leaf) for item in node.items):
        return [item.text or "" for item in node.items if isinstance(item, Leaf)]
    form.problem("expected a list of names: [gif, orsay]", node.where)
    return []
