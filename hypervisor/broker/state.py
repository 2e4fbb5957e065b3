"""State of the running `up`, in a small file of the data folder."""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = "up.json"


@dataclass(frozen=True, kw_only=True)
class InstanceState:
    """As last written; valid only while `pid` holds the lock."""

    pid: int
    mode: str
    name: str
    web: str
    ready: bool
    pids: dict[str, int]
    restarts: dict[str, int]
    run_id: str = ""  # what our web answers with in RUN_HEADER

    def text(self) -> str:
        return json.dumps(asdict(self), indent=1) + "\n"


def read(root: Path) -> InstanceState | None:
    """The state last written in this data folder, or None."""
    with suppress(OSError, ValueError, TypeError):
        return InstanceState(**json.loads((root / FILE).read_text()))
    return None
