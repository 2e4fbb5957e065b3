"""Parse gateways, and groups with members and supply."""

from collections.abc import Iterator

from hypervisor.base.scalars import truth
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


def parse_gateway(reader: FieldReader) -> Entry | None:
    """One gateway."""
    name = reader.name()
    if name in RESERVED:
        reader.problem(f"{name!r} is an account of the hypervisor itself", reader.at("name"))
    given = reader.given({"title": str, "protocol": str, **COORDINATES})
    reader.one_of("protocol", PROTOCOLS)
    check_point(reader, given)
    if reader.has("properties"):
        given["properties"] = reader.properties()
    return Entry(key=name, given=given, where=reader.where) if name else None


def parse_group(reader: FieldReader) -> tuple[Entry | None, list[Fact]]:
    """One group with the facts of its members and supply."""
    name = reader.name()
    given = reader.given({"title": str, "kind": str, "site": str})
    reader.one_of("kind", GROUP_KINDS)
    if reader.has("properties"):
        given["properties"] = reader.properties()
    facts = [*_parse_members(reader, name or ""), *_parse_supply(reader, name or "")]
    return (Entry(key=name, given=given, where=reader.where), facts) if name else (None, [])


def parse_member(group_name: str, device: str, node: Node, reader: FieldReader) -> Fact | None:
    """The membership of a device; null ends it."""
    key = f"{group_name}/{device}"
    if isinstance(node, Leaf) and node.text is None:
        return Fact(kind="member", key=key, value=None, where=node.where)
    if isinstance(node, Leaf) and not node.text:
        return Fact(kind="member", key=key, value={}, where=node.where)
    if not isinstance(node, Fields):
        reader.problem("expected null, or {effective: 2024-10-01}", node.where)
        return None
    own = FieldReader(node, reader.problems, allowed=MEMBER_FIELDS)
    return own.fact("member", key, {}, where=node.where)


def _parse_members(reader: FieldReader, name: str) -> Iterator[Fact]:
    for device, node in _list_members(reader):
        fact = parse_member(name, device, node, reader)
        if fact is not None:
            yield fact


def _list_members(reader: FieldReader) -> Iterator[tuple[str, Node]]:
    """Names in a list, names with null or fields in a mapping, or a list of both."""
    node = reader.fields.get("members")
    for item in node.items if isinstance(node, Items) else [node]:
        if isinstance(item, Fields):
            yield from item.fields.items()
        elif isinstance(item, Leaf) and item.text and isinstance(node, Items):
            yield item.text, Leaf(text="", where=item.where)
        elif item is not None and not (isinstance(item, Leaf) and not item.text):
            reader.problem("expected a list of devices: [lamp-1, lamp-2]", item.where)


def _parse_supply(reader: FieldReader, name: str) -> Iterator[Fact]:
    if reader.withdrawn("supply"):
        yield Fact(kind="supply", key=name, value=None, where=reader.at("supply"))
        return
    own = reader.read_mapping("supply", allowed=SUPPLY_FIELDS)
    if own is None:
        return
    plan, switched = own.text("plan"), own.take("switched", truth)
    fact = own.fact("supply", name, {"plan": plan, "switched": switched})
    if plan is None:
        own.problem("needs a 'plan'", own.at("plan"))
    if not own.has("switched"):
        own.problem(
            "needs 'switched': true where the lamps have no current by day, false where they do",
            own.at("switched"),
        )
    if plan is not None and switched is not None:
        yield fact
