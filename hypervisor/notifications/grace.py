"""The grace period of inhibitable rules, so that their inhibitor notifies first."""

import re
from collections.abc import Mapping
from typing import Any

from rules._duration import parse_duration
from rules._errors import RuleError
from sensors._errors import Place

_SILENT = re.compile(r"silent\(\s*[\w.]+\s*,\s*([\d.]+\s*[a-z]+)\s*\)")

Rules = Mapping[str, Mapping[str, Any]]  # definitions by id


def grace_period(rule: str, rules: Rules, *, interval: int) -> int:
    """The grace period of a rule in µs; 0: no rule inhibits it.

    Its own `grace`, else the longest `for` or `silent` of its inhibitors plus one interval.
    """
    inhibitors = [other for other in rules.values() if rule in _as_list(other.get("inhibits"))]
    if not inhibitors:
        return 0
    own = rules.get(rule, {}).get("grace")
    if own is not None:
        return parse_span(own) or 0
    return max(_detection_delay(inhibitor) for inhibitor in inhibitors) + interval


def parse_span(written: Any) -> int | None:
    """A duration of a rule in µs; None: missing or malformed."""
    try:
        return parse_duration(str(written), Place(file="", line=0, column=0))
    except RuleError:
        return None  # the check of packs reports it


def _as_list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())


def _detection_delay(rule: Mapping[str, Any]) -> int:
    silences = _SILENT.findall(str(rule.get("when", "")))
    spans = [parse_span(silence) or 0 for silence in silences]
    return max([*spans, parse_span(rule.get("for")) or 0])
