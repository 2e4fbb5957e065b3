"""How long a rule that another may inhibit waits: so that the other may speak first."""

import re
from collections.abc import Mapping
from typing import Any

from rules._duration import parse_duration
from rules._errors import RuleError
from rules._tree import Place

_SILENT = re.compile(r"silent\(\s*[\w.]+\s*,\s*([\d.]+\s*[a-z]+)\s*\)")

Rules = Mapping[str, Mapping[str, Any]]  # as written, by their ids


def grace_of(rule: str, rules: Rules, *, interval: int) -> int:
    """µs that an alarm of this rule waits; 0 where no rule inhibits it.

    Its own `grace`, else the longest of its inhibitors': their `for` or `silent` and one interval
    of what stands at the place.
    """
    inhibitors = [other for other in rules.values() if rule in _listed(other.get("inhibits"))]
    if not inhibitors:
        return 0
    own = rules.get(rule, {}).get("grace")
    if own is not None:
        return span(own) or 0
    return max(_slowness(inhibitor) for inhibitor in inhibitors) + interval


def span(written: Any) -> int | None:
    """A duration of a rule as written, in µs; None where there is none to be read."""
    try:
        return parse_duration(str(written), Place(file="", line=0, column=0))
    except RuleError:
        return None  # the packs' check tells its author


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())


def _slowness(rule: Mapping[str, Any]) -> int:
    silences = _SILENT.findall(str(rule.get("when", "")))
    spans = [span(silence) or 0 for silence in silences]
    return max([*spans, span(rule.get("for")) or 0])
