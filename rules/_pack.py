"""Rule packs: `rules/<domain>.yaml`, read with the line and column of every slip."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rules._rule import Rule


@dataclass(frozen=True, kw_only=True)
class Pack:
    """The rules of one domain, in the order written."""

    domain: str
    file: str
    rules: tuple[Rule, ...]


def load_pack(text: str, *, file: str, domain: str) -> Pack:
    """Read and check a pack.

    Raises:
        rules._errors.RuleError: with file, line, column, what was expected and the nearest word.
    """
    raise NotImplementedError


def packs() -> list[Pack]:
    """Every pack of this package, by scanning; called from entry points, never at import."""
    raise NotImplementedError


def rule_from_json(written: Mapping[str, Any]) -> Rule:
    """A rule as a revision stores it (`Rule.to_json`), read again."""
    raise NotImplementedError
