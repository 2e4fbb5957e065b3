"""Parse planned works."""

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


def parse_works(reader: FieldReader) -> Fact | None:
    """One window of works. Its times are in the value, independent of `effective`."""
    name = reader.name()
    gone = reader.take("withdrawn", truth)
    begins, ends = reader.take("begins", instant), reader.take("ends", instant)
    subjects = {kind: _parse_names(reader, kind) for kind in SUBJECTS}
    reason = reader.text("reason")
    if name is None:
        return None
    if gone:
        return works_fact(name, None, reason=reason, where=reader.where)
    for field in ("begins", "ends"):
        if not reader.has(field):
            reader.problem(f"needs {field!r}, such as 2024-11-04T08:00+01:00", reader.at(field))
    if not any(subjects.values()):
        reader.problem(f"needs what it concerns: some of {', '.join(SUBJECTS)}", reader.where)
    if begins is None or ends is None:
        return None
    if ends <= begins:
        reader.problem("ends before it begins", reader.at("ends"))
    return works_fact(name, works_value(begins, ends, subjects), reason=reason, where=reader.where)


def works_fact(name: str, value: dict[str, Any] | None, *, reason: str | None, where: Any) -> Fact:
    """The fact of a window; the last one recorded counts."""
    return Fact(kind="works", key=name, value=value, where=where, effective=EPOCH, reason=reason)


def works_value(
    begins: datetime, ends: datetime, subjects: Mapping[str, list[str]]
) -> dict[str, Any]:
    """The value of its fact."""
    return {
        "begins": _format_time(begins),
        "ends": _format_time(ends),
        **{kind: sorted(subjects.get(kind, ())) for kind in SUBJECTS},
    }


def _format_time(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _parse_names(reader: FieldReader, kind: str) -> list[str]:
    node = reader.fields.get(kind)
    if node is None or (isinstance(node, Leaf) and not node.text):
        return []
    if isinstance(node, Items) and all(isinstance(item, Leaf) for item in node.items):
        return [item.text or "" for item in node.items if isinstance(item, Leaf)]
    reader.problem("expected a list of names: [gif, orsay]", node.where)
    return []
