"""What every loop does about a failure: put it into a short line, and wait longer each time."""

from sensors._errors import TerritoryError

_LONGEST = 300  # characters of a failure that are kept


def describe_failure(error: BaseException) -> str:
    """A line that a database stores and a log shows, whatever a library put into the exception."""
    text = str(error) if isinstance(error, TerritoryError) else f"{type(error).__name__}: {error}"
    return make_storable(text)


def make_storable(text: str) -> str:
    """Without control characters and lone surrogates, in one line, cut where it is too long."""
    line = " ".join(text.split())
    kept = "".join(letter if letter.isprintable() else "\ufffd" for letter in line)
    return kept if len(kept) <= _LONGEST else f"{kept[: _LONGEST - 1]}…"


def wait_after(failures: int, *, first: float, longest: float) -> float:
    """Seconds to wait after so many failures (1, 2, …): doubled each time, without jitter."""
    return min(first * 2.0 ** min(failures - 1, 30), longest)
