"""Forms made of descriptions of their fields: what a request entered, in rows where they repeat."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Annotated, Literal

from fastapi import Depends, Request

from hypervisor.access.identity import CSRF_FIELD, PROOF_FIELDS
from hypervisor.base.reader import current

Values = Mapping[str, str]  # what stands in each input, by its name


@dataclass(frozen=True, kw_only=True)
class FormField:
    """A field. `label`: English, translated where it is shown; `hint`: an example.

    `choices`: (value, label in the reader's language); `suggests`: the name of a list to pick from.
    `columns`: the fields of each row, named `<field>.<row>.<column>` in a request; `named`: the
    first of them names the row.
    """

    name: str
    label: str
    kind: Literal["text", "choice", "truth", "lines", "rows"] = "text"
    needed: bool = False
    hint: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    suggests: str = ""
    columns: tuple["FormField", ...] = ()
    named: bool = False

    def row(self, number: int) -> list["FormField"]:
        """The fields of a row."""
        return [
            replace(column, name=f"{self.name}.{number}.{column.name}") for column in self.columns
        ]

    def read_rows(self, values: Values) -> list[tuple[int, dict[str, str]]]:
        """The rows in which something stands, with their numbers, by column."""
        rows: dict[int, dict[str, str]] = {}
        for name, value in values.items():
            match = re.fullmatch(rf"{re.escape(self.name)}\.(\d{{1,6}})\.(.+)", name)
            if match and value:
                rows.setdefault(int(match[1]), {})[match[2]] = value
        return sorted(rows.items())


async def read_values(request: Request) -> Values:
    """The texts of a form, without spaces around them."""
    form = await request.form()
    return {
        name: text.strip().replace("\r\n", "\n")
        for name, text in form.items()
        if isinstance(text, str) and name != CSRF_FIELD and not name.startswith(PROOF_FIELDS)
    }


FormValues = Annotated[Values, Depends(read_values)]


def digest_values(values: Values) -> str:
    """A mark of what a form showed, to find that it was changed meanwhile."""
    text = json.dumps({name: value for name, value in values.items() if value}, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def flatten_rows(name: str, rows: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Rows as the values of their inputs."""
    return {
        f"{name}.{number}.{column}": text
        for number, row in enumerate(rows)
        for column, text in row.items()
        if text
    }


def find_focus(
    fields: Sequence[FormField],
    values: Values,
    problems: Mapping[str, object] = MappingProxyType({}),
    *,
    fixed: Iterable[str] = (),
    at: str = "",
) -> str:
    """The input where to begin: the first that is wrong; else of the rows `at` the first free one.

    Without either the first that is not `fixed`.
    """
    for field in fields:
        inside = [name for name in problems if name.startswith(f"{field.name}.")]
        if field.name in problems or inside:
            return field.name if field.kind != "rows" else min(inside, default="")
    for field in fields:
        if field.name == at and field.columns:
            used = field.read_rows(values)
            return field.row(used[-1][0] + 1 if used else 0)[0].name
    return next((field.name for field in fields if field.name not in set(fixed)), "")


def example(hint: str) -> str:
    """An example as the reader writes it: with their decimal sign."""
    if current().language != "fr":
        return hint
    return re.sub(r"(\d)\.(\d)", r"\1,\2", hint)


def sort_problems(
    fields: Sequence[FormField], problems: Iterable[tuple[str, str]]
) -> tuple[dict[str, list[str]], list[str]]:
    """Problems by the input that they name, and those that name none that is shown."""
    names = {field.name for field in fields if field.kind != "rows"}
    repeated = {field.name: field for field in fields if field.kind == "rows"}
    placed: dict[str, list[str]] = {}
    others: list[str] = []
    for place, text in problems:
        owner = repeated.get(place.partition(".")[0])
        inside = owner is not None and place.rpartition(".")[2] in {
            column.name for column in owner.columns
        }
        if place in names or inside or place in repeated:
            placed.setdefault(place, []).append(text)
        else:
            others.append(text)
    return placed, others
