"""YAML of rules, and rules as YAML."""

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from rules._errors import RuleError
from sensors import _yaml
from sensors._errors import Place


class Source(_yaml.Source):
    """A file of rules."""

    def error(self, place: Place, problem: str) -> RuleError:
        return RuleError(place, problem)


def as_yaml(value: Mapping[str, Any]) -> str:
    """Plain values as YAML, to be read by the same reader as a file.

    Raises:
        RuleError: they are nested deeper than a file may be.
    """
    level: list[Any] = [value]
    for _ in range(Source.deepest + 1):
        level = [part for outer in level for part in _inside(outer)]
    if level:
        place = Place(file="rule", line=1, column=1)
        raise RuleError(place, _yaml.TOO_DEEP, Source.deepest)
    return yaml.safe_dump(dict(value), allow_unicode=True, sort_keys=False, width=10_000)


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list | tuple) else ()
