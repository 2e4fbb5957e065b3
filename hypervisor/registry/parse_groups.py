"""Gateways, and groups with their members and their supply, as a file writes them."""

from collections.abc import Iterator

from hypervisor.base.scalars import instant, truth
from hypervisor.broker.passwords import RESERVED
from hypervisor.registry.field_reader import FieldReader
from hypervisor.registry.inventory import Entry, Fact
from hypervisor.registry.parse_sites import COORDINATES, check_point
from hypervisor.registry.tree import Fields, Items, Leaf, Node

PROTOCOLS = ("chirpstack", "the-things-stack", "senml", "native")
GATEWAY_FIELDS = ("name", "title", "protocol", "lon", "lat", "properties")
GROUP_KINDS = ("cabinet", "section", "other")
GROUP_FIELDS = ("name", "title", "kind", "site", "members", "supply", "properties")
SUPPLY_FIELDS = ("plan", "switched", "illustrative", "effective", "reason")
MEMBER_FIELDS = ("effective", "reason")


def parse_gateway(form: FieldReader) -> Entry | None:
    """One gateway."""
    name = form.name()
    if name in RESERVED:
        form.problem(f"{name!r} is an account of the hypervisor itself", form.at("name"))
    given = form.given({"title": str, "protocol": str, **COORDINATES})
    form.one_of("protocol", PROTOCOLS)
    check_point(form, given)
    if form.has("properties"):
        given["properties"] = form.properties()
    return Entry(key=name, given=given, where=form.where) if name else None


def parse_group(form: FieldReader) -> tuple[Entry | None, list[Fact]]:
    """One group: itself, who belongs to it, and how its members are fed."""
    name = form.name()
    given = form.given({"title": str, "kind": str, "site": str})
    form.one_of("kind", GROUP_KINDS)
    if form.has("properties"):
        given["properties"] = form.properties()
    facts = [*_parse_members(form, name or ""), *_parse_supply(form, name or "")]
    return (Entry(key=name, given=given, where=form.where), facts) if name else (None, [])


def parse_member(group_name: str, device: str, node: Node, problems_of: FieldReader) -> Fact | None:
    """A device belongs to a group; null: it does so no longer."""
    key = f"{group_name}/{device}"
    if isinstance(node, Leaf) and node.text is None:
        return Fact(kind="member", key=key, value=None, where=node.where)
    if isinstance(node, Leaf) and not node.text:
        return Fact(kind="member", key=key, value={}, where=node.where)
    if not isinstance(node, Fields):
        problems_of.problem("expected null, or {effective: 2024-10-01}", node.where)
        return None
    own = FieldReader(node, problems_of.problems, allowed=MEMBER_FIELDS)
    return Fact(
        kind="member",
        key=key,
        value={},
        where=node.where,
        effective=own.take("effective", instant),
        reason=own.text("reason"),
    )


def _parse_members(form: FieldReader, name: str) -> Iterator[Fact]:
    for device, node in _list_members(form):
        fact = parse_member(name, device, node, form)
        if fact is not None:
            yield fact


def _list_members(form: FieldReader) -> Iterator[tuple[str, Node]]:
    """Names in a list, names with null or fields in a mapping, or a list of both."""
    node = form.fields.get("members")
    for item in node.items if isinstance(node, Items) else [node]:
        if isinstance(item, Fields):
            yield from item.fields.items()
        elif isinstance(item, Leaf) and item.text and isinstance(node, Items):
            yield item.text, Leaf(text="", where=item.where)
        elif item is not None and not (isinstance(item, Leaf) and not item.text):
            form.problem("expected a list of devices: [lamp-1, lamp-2]", item.where)


def _parse_supply(form: FieldReader, name: str) -> Iterator[Fact]:
    if form.withdrawn("supply"):
        yield Fact(kind="supply", key=name, value=None, where=form.at("supply"))
        return
    own = form.form("supply", allowed=SUPPLY_FIELDS)
    if own is None:
        return
    plan, switched = own.text("plan"), own.take("switched", truth)
    marked, effective = own.take("illustrative", truth), own.take("effective", instant)
    if plan is None:
        own.problem("needs a 'plan'", own.at("plan"))
    if not own.has("switched"):
        own.problem(
            "needs 'switched': true where the lamps have no current by day, false where they do",
            own.at("switched"),
        )
    if plan is not None and switched is not None:
        yield Fact(
            kind="supply",
            key=name,
            value={"plan": plan, "switched": switched},
            where=own.where,
            illustrative=bool(marked),
            effective=effective,
            reason=own.text("reason"),
        )
