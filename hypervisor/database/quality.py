"""SQL conditions on a reading's quality; `alias` names the table, with its dot."""

from sensors._quality import Quality

SUSPECT = int(Quality.SUSPECT)


def is_suspect(alias: str = "") -> str:
    return f"{alias}quality & {SUSPECT} <> 0"


def is_good(alias: str = "") -> str:
    """A value that conditions may use."""
    return f"{alias}value IS NOT NULL AND {alias}quality & {SUSPECT} = 0"
