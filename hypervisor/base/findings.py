"""What `hypervisor doctor` finds: the subject, whether it is well, and how to mend it."""

from dataclasses import dataclass
from typing import Literal

State = Literal["good", "warning", "bad"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """`mend`: how to fix it, unless the state is good."""

    subject: str
    state: State
    what: str
    mend: str = ""

    @property
    def label(self) -> str:
        """As a person reads it."""
        return self.subject


def good(subject: str, what: str) -> Finding:
    return Finding(subject=subject, state="good", what=what)


def warning(subject: str, what: str, mend: str) -> Finding:
    return Finding(subject=subject, state="warning", what=what, mend=mend)


def bad(subject: str, what: str, mend: str) -> Finding:
    return Finding(subject=subject, state="bad", what=what, mend=mend)
