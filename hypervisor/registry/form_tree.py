"""An entry as the values of its form, and the values of a form as the tree of a file."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from hypervisor.registry.forms import FormKind
from hypervisor.registry.input_fields import FactInput
from hypervisor.registry.tree import Fields, InventoryError, Items, Node, Where, parse_yaml
from hypervisor.web.forms import FormField, Values, flatten_rows
from sensors._errors import Message

# -- an entry as the values of a form --------------------------------------------------------------


def fill_values(fields: Iterable[FormField], entry: Mapping[str, Any]) -> dict[str, str]:
    """What stands in the inputs of a form about an entry."""
    values: dict[str, str] = {}
    for field in fields:
        name, _, inner = field.name.partition(".")
        value = entry.get(name)
        if inner:  # `datum: 48.61 m` is short for `datum: {zero: 48.61 m}`
            value = value.get(inner) if isinstance(value, Mapping) else value
        if field.kind == "rows":
            values |= flatten_rows(name, _describe_rows(field, value or ()))
        elif value is not None:
            values[field.name] = json.dumps(value) if field.kind == "lines" else _text(value)
    return values


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _describe_rows(field: FormField, value: Any) -> Iterator[dict[str, str]]:
    first, *others = (column.name for column in field.columns)
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if isinstance(inner, Mapping):
                given = {column: _text(part) for column, part in inner.items()}
            else:
                given = {} if inner is None else {others[0]: _text(inner)}
            yield {first: str(name), **given}
    else:
        for item in value:
            yield (
                {column: _text(part) for column, part in item.items()}
                if isinstance(item, Mapping)
                else {first: _text(item)}
            )


Row = tuple[int, dict[str, str]]  # with its number


# -- the values of a form as the tree of a file ----------------------------------------------------


def build_tree(
    form: FormKind, fields: Sequence[FormField], values: Values, shown: Values
) -> Fields:
    """A file that says what the form changes; `shown`: what it showed, nothing of a new entry.

    The places of the tree are the names of the inputs. Raises InventoryError: a text that should be
    YAML is none.
    """
    made = _Tree(form, fields, values, shown).entry()
    if form.name == "device":
        site, devices = made.pop("site", "") or "", Items(_at("name"), [(made, _at("name"))])
        made = _put(Fields(_at("site")), {"name": (site, "site"), "devices": (devices, "name")})
    entry = _at(form.keys[0])
    return _put(Fields(_at("")), {form.section: (Items(entry, [(made, entry)]), "")})


def _put(fields: Fields, nodes: Mapping[str, tuple[Node, str]]) -> Fields:
    for name, (node, place) in nodes.items():
        fields.put(name, node, _at(place))
    return fields


def _at(name: str) -> Where:
    return Where(file="", line=0, field=name)


class _Tree:
    def __init__(
        self, form: FormKind, fields: Sequence[FormField], values: Values, shown: Values
    ) -> None:
        self._form, self._fields = form, fields
        self._values, self._shown = values, shown
        # A fact is replaced as a whole; of an entry the fields that are given change.
        self._complete = issubclass(form.model, FactInput)
        self._facts = getattr(form.model, "facts", ())

    def entry(self) -> Fields:
        """The fields that the form gives, nulls for those that it takes away."""
        made = Fields(_at(""))
        for field in self._fields:
            name = field.name.partition(".")[0]
            if name in made:
                continue
            if "." in field.name:
                node, given = self._inner(name)
            elif field.kind == "rows":
                node, given = self._rows(field)
            else:
                node, given = self._plain(field)
            if given:
                made.put(name, node, _at(field.name))
        return made

    def _changes(self, *names: str) -> bool:
        return any(self._values.get(name, "") != self._shown.get(name, "") for name in names)

    def _plain(self, field: FormField) -> tuple[Node, bool]:
        name = field.name
        value = self._values.get(name, "")
        together = ("lon", "lat") if name in ("lon", "lat") else (name,)
        given = name in self._form.keys or (name == "site" and self._form.name == "device")
        if self._complete:
            return value or None, bool(value or self._shown.get(name)) or given
        if not (given or self._changes(*together)):
            return None, False
        if not value:
            return None, given or bool(self._shown.get(name))
        return _parse(value, name) if field.kind == "lines" else value, True

    def _inner(self, name: str) -> tuple[Node, bool]:
        """A mapping inside the entry, complete where anything in it changes."""
        inner = [field.name for field in self._fields if field.name.startswith(f"{name}.")]
        if not self._changes(*inner):
            return None, False
        made = Fields(_at(name))
        for field in inner:
            if self._values.get(field):
                made.put(field.partition(".")[2], self._values[field], _at(field))
        return (made or None), True

    def _rows(self, field: FormField) -> tuple[Node, bool]:
        rows, before = field.read_rows(self._values), field.read_rows(self._shown)
        if [row for _, row in rows] == [row for _, row in before] and not self._complete:
            return None, False
        if field.named:
            return self._named_rows(field, rows, before), True
        items = [(_row_fields(field, number, row), _at(field.name)) for number, row in rows]
        return Items(_at(field.name), items), bool(items) or not self._complete

    def _named_rows(self, field: FormField, rows: Sequence[Row], before: Sequence[Row]) -> Fields:
        """By the first column. Of facts what is left out stays, so a null withdraws it."""
        key, are_facts = field.columns[0].name, field.name in self._facts
        shown = {row.get(key, ""): row for _, row in before}
        made = Fields(_at(field.name))
        labels = {label.casefold(): word for word, label in field.columns[0].choices}
        for number, row in rows:
            place, name = _at(f"{field.name}.{number}.{key}"), row.get(key, "")
            name = labels.get(name.casefold(), name)  # as people read it
            if name in made:
                raise InventoryError.at(place, Message("is listed twice"))
            if not (are_facts and row == shown.get(name)):
                made.put(name, _named_row(field, number, row), place)
        kept = {row.get(key) for _, row in rows}
        for name in shown.keys() - kept if are_facts else ():
            made.put(name, None, _at(field.name))
        return made


def _named_row(field: FormField, number: int, row: Mapping[str, str]) -> Node:
    first, *others = (column.name for column in field.columns)
    if field.name == "properties":
        return row.get("value", "")
    rest = {column: text for column, text in row.items() if column != first}
    return _row_fields(field, number, rest) if others else ""


def _row_fields(field: FormField, number: int, row: Mapping[str, str]) -> Fields:
    made = Fields(_at(f"{field.name}.{number}.{field.columns[0].name}"))
    for column, text in row.items():
        made.put(column, text, _at(f"{field.name}.{number}.{column}"))
    return made


def _parse(text: str, name: str) -> Node:
    """YAML or JSON of one field."""
    indented = "\n".join(f"  {line}" for line in text.splitlines())
    try:
        return parse_yaml(f"value:\n{indented}\n", file="")["value"]
    except InventoryError as error:
        raise InventoryError(_at(name).problem(each.text) for each in error.problems) from error
