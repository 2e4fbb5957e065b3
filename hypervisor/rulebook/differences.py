"""Differences of two revisions, key by key."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rules._read import RULE_KEYS

_LABELS = ("severity", "name", "began")  # keys that label a step, a test, an alarm


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One differing value; None: the key is absent."""

    where: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        before = "(nothing)" if self.before is None else self.before
        after = "(nothing)" if self.after is None else self.after
        if len(before) + len(after) > 70:
            return f"{self.where}:\n        {before}\n     -> {after}"
        return f"{self.where}: {before} -> {after}"


def list_differences(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> list[Difference]:
    """All differing keys; a single entry if a rule is absent or withdrawn."""
    if before is None or after is None:
        if before is after:
            return []
        return [Difference(where="rule", before=_describe(before), after=_describe(after))]
    old, new = dict(_flatten(before)), dict(_flatten(after))
    return [
        Difference(where=" ".join(path), before=old.get(path), after=new.get(path))
        for path in sorted(old.keys() | new.keys(), key=_rank)
        if old.get(path) != new.get(path)
    ]


def _describe(value: Mapping[str, Any] | None) -> str:
    if value is None:
        return "withdrawn"
    return str(value.get("title") or value.get("id") or value)


def _rank(path: tuple[str, ...]) -> tuple[int, tuple[str, ...]]:
    rank = RULE_KEYS.index(path[0]) if path[0] in RULE_KEYS else len(RULE_KEYS)
    return rank, path


def _flatten(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _flatten(part, (*path, str(key)))
    elif isinstance(value, list) and any(isinstance(part, Mapping) for part in value):
        seen: dict[str, int] = {}
        for number, part in enumerate(value, 1):
            label = _label(part, number)
            seen[label] = seen.get(label, 0) + 1
            again = f" ({seen[label]})" if seen[label] > 1 else ""
            yield from _flatten(part, (*path, f"{label}{again}"))
    elif isinstance(value, list):
        yield path, ", ".join(str(part) for part in value) or "none"
    else:
        yield path, " ".join(str(value).split())


def _label(part: Any, number: int) -> str:
    if isinstance(part, Mapping):
        for key in _LABELS:
            if isinstance(part.get(key), str):
                return f"[{part[key]}]"
    return f"[{number}]"
