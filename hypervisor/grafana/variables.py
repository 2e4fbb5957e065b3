"""Fills dashboard variables into text as Grafana's front end does."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sensors._errors import TerritoryError

# $name, [[name:format]], ${name.path:format}
_VARIABLE = re.compile(
    r"\$(\w+)|\[\[(\w+?)(?::(\w+))?\]\]|\$\{(\w+)(?:\.([^:^}]+))?(?::([^}]+))?\}"
)
_BUILT_IN = "__"  # what Grafana or the data source fills in: $__interval, ${__data…}, $__timeFrom()


class VariableError(TerritoryError):
    """A text uses an unknown variable format."""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The selected values of a variable. `every`: All, replaced by `all_value`."""

    values: tuple[str, ...] = ()
    every: bool = False
    all_value: str = ""
    multi: bool = True


def list_names(text: str) -> set[str]:
    """The variables that a text uses, without built-in ones."""
    used_names = {match[1] or match[2] or match[4] for match in _VARIABLE.finditer(text)}
    return {name for name in used_names if not name.startswith(_BUILT_IN) and not name.isdigit()}


def list_fields(text: str) -> set[str]:
    """The columns of the row that a link uses."""
    return set(re.findall(r"\$\{__data\.fields\.(\w+)(?::\w+)?\}", text))


def interpolate(text: str, chosen: Mapping[str, Selection]) -> str:
    """Fill in the selections; other text is unchanged.

    Raises:
        VariableError: the format is unknown.
    """

    def substitute(match: re.Match[str]) -> str:
        name = match[1] or match[2] or match[4]
        value = chosen.get(name)
        if value is None:
            return match[0]
        return _format(name, value, match[3] or match[6] or "")

    return _VARIABLE.sub(substitute, text)


def _format(name: str, value: Selection, form: str) -> str:
    if value.every and value.all_value:
        return value.all_value  # Grafana puts a custom All in as it stands, whatever the format
    quoted = ",".join("'" + text_value.replace("'", "''") + "'" for text_value in value.values)
    match form:
        case "sqlstring":
            return quoted
        case "":  # the data source's own: quoted where many may be chosen
            return quoted if value.multi else value.values[0].replace("'", "''")
        case "raw":
            return ",".join(value.values)
    raise VariableError(f"${{{name}:{form}}}: expected the format sqlstring")


def default_selections(document: Mapping[str, Any]) -> dict[str, Selection]:
    """The selections of a newly opened dashboard."""
    choices: dict[str, Selection] = {}
    for variable in list_variables(document):
        current = variable.get("current", {}).get("value", "")
        values = tuple(current) if isinstance(current, list) else (str(current),)
        choices[variable["name"]] = Selection(
            values=values,
            every="$__all" in values,
            all_value=variable.get("allValue", ""),
            multi=bool(variable.get("multi") or variable.get("includeAll")),
        )
    return choices


def list_variables(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The variables of a dashboard."""
    listed: list[dict[str, Any]] = document.get("templating", {}).get("list", [])
    return listed


def list_used(texts: Iterable[str]) -> set[str]:
    """The variables that any of the texts uses."""
    return set().union(*(list_names(text) for text in texts))
