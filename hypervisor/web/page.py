"""What a page says of itself to the rail and to the keyboard."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page of the rail.

    `title` is English, the key of its translation (write `mark("…")`); `shortcut` follows `g`;
    `order` places it, a new ten begins a new group. `needs`: the name of a Duty that it
    takes to see it, somewhere; None: everyone who signed in. `also`: other addresses of it.
    """

    key: str
    title: str
    address: str
    order: int
    shortcut: str = ""
    needs: str | None = None
    also: tuple[str, ...] = ()
