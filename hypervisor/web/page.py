"""What a page says of itself to the rail and to the keyboard."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page of the rail.

    `title` is English, the key of its translation (write `mark("…")`); `shortcut` follows `g`;
    `order` places it, a new ten begins a new group. `needs`: the name of a Duty that whoever sees
    it must have somewhere; None: everyone who signed in. `also`: other addresses that belong to it.
    """

    key: str
    title: str
    address: str
    order: int
    shortcut: str = ""
    needs: str | None = None
    also: tuple[str, ...] = ()
