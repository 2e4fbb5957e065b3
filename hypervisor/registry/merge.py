"""Entries and facts of several files brought together: none twice, none against another."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from hypervisor.registry.entries import Entry, Fact
from hypervisor.registry.problems import Problem, Where


def merge_entries(entries: Iterable[Entry], problems: list[Problem]) -> dict[str, Entry]:
    """By key; two files may each give a part of one thing, one file says a thing once."""
    merged: dict[str, Entry] = {}
    for entry in entries:
        before = merged.get(entry.key)
        if before is None:
            merged[entry.key] = entry
            continue
        if before.where.file == entry.where.file:
            _twice(entry.key, before.where, entry.where, problems)
            continue
        for name, value in entry.given.items():
            standing = before.given.get(name, value)
            if standing == value:
                continue
            text = f"{name} {_said(value)} here, {_said(standing)} in {_place(before.where)}"
            problems.append(Problem(where=entry.where, text=text))
        merged[entry.key] = replace(before, given={**before.given, **entry.given})
    return merged


def merge_facts(facts: Iterable[Fact], problems: list[Problem]) -> list[Fact]:
    """Each fact once; two files that say the same say it once."""
    merged: dict[tuple[str, str], Fact] = {}
    for fact in facts:
        before = merged.setdefault((fact.kind, fact.key), fact)
        if before is fact:
            continue
        if before.where.file == fact.where.file:
            _twice(fact.key, before.where, fact.where, problems)
        elif before.value != fact.value:
            text = f"says {fact.value}, {_place(before.where)} says {before.value}"
            problems.append(Problem(where=fact.where, text=text))
    return list(merged.values())


def _twice(key: str, before: Where, here: Where, problems: list[Problem]) -> None:
    text = f"{key!r} is described twice, first on line {before.line}"
    problems.append(Problem(where=here, text=text))


def _place(where: Where) -> str:
    return f"{where.file}:{where.line}"


def _said(value: Any) -> str:
    return "null" if value is None else repr(value)
