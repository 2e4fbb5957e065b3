"""The filter of the alarm list, and its address."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import urlencode

from hypervisor.web import marks

PAGE = 100
_MOST = 5_000
WHICH = ("open", "waiting", "stale", "shelved", "over")


@dataclass(frozen=True, kw_only=True)
class Filter:
    """A filter of the alarm list."""

    which: str = "open"
    severity: str | None = None
    domain: str | None = None
    area: str | None = None
    text: str | None = None
    mine: bool = False
    changed: bool = False
    incident: int | None = None
    flat: bool = False
    show: int = PAGE

    @property
    def narrowed(self) -> bool:
        """Whether it hides any open alarm."""
        return self != Filter(show=self.show, flat=self.flat)


def parse_filter(query: Mapping[str, str]) -> Filter:
    """The filter of an address; invalid parts are ignored."""

    def word(name: str) -> str | None:
        return query.get(name, "").strip()[:200].replace("\0", "") or None

    def number(name: str) -> int | None:
        value = query.get(name, "")
        return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else None

    which = query.get("which", "open")
    severity = query.get("severity")
    return Filter(
        which=which if which in WHICH else "open",
        severity=severity if severity in marks.PRIORITIES else None,
        domain=word("domain"),
        area=word("area"),
        text=word("q"),
        mine=query.get("mine") == "1",
        changed=query.get("changed") == "1",
        incident=number("incident"),
        flat=query.get("flat") == "1",
        show=max(PAGE, min(number("show") or PAGE, _MOST)),
    )


def build_address(filters: Filter, number: int | None = None, **changed: Any) -> str:
    """The address of the list or of one alarm; `changed`: fields to replace."""
    selection = replace(filters, **changed)
    default = Filter()
    parameters = {
        "q" if name == "text" else name: int(value) if isinstance(value, bool) else value
        for name, value in asdict(selection).items()
        if value != getattr(default, name)
    }
    path = "/alarms" if number is None else f"/alarms/{number}"
    return f"{path}?{urlencode(parameters)}" if parameters else path
