"""How long to wait before the next try: doubled each time, the same for all, without chance."""

LONGEST = 900.0  # s


def wait(first: float, failed: int) -> float:
    """Seconds after so many failed tries (1, 2, …)."""
    return min(first * 2.0 ** min(failed - 1, 30), LONGEST)
