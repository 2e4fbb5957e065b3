"""Which alarms the address asks for, and the address that asks for them."""

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
    """What the address asks for."""

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
        """Whether it leaves anything out of what is open."""
        return self != Filter(show=self.show, flat=self.flat)


def parse_filter(query: Mapping[str, str]) -> Filter:
    """The filter of an address; what makes no sense is left out."""

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
    """Of the list, or of one alarm beside it; `changed`: with these instead."""
    selection = replace(filters, **changed)
    default = Filter()
    parameters = {
        "q" if name == "text" else name: int(value) if isinstance(value, bool) else value
        for name, value in asdict(selection).items()
        if value != getattr(default, name)
    }
    path = "/alarms" if number is None else f"/alarms/{number}"
    return f"{path}?{urlencode(parameters)}" if parameters else path
