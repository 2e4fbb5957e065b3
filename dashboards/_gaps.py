"""Lines that break where a device was silent, although devices have different intervals.

Grafana lays all lines of a panel on common times: where one device reports every quarter of an hour
and another every six minutes, the first has holes in between, which must be bridged, and outages,
which must not.
"""

from grafana_foundation_sdk.models import dashboard as sdk

from dashboards._describe import Builder
from dashboards._sql import EVERY, SINCE, UNTIL

# A bucket: what the panel has room for, hours at least beyond a week, days beyond a hundred.
FIT = f"readings_fit({EVERY}, {SINCE}, {UNTIL})"
_BRIDGED_MS = 3_600_000


def break_lines(message: str) -> str:
    """SQL: the rows of `message` (`time`, `metric`, `value`) with a null in each silence.

    Silence: more than an hour, or than two pieces of time where these are longer.
    """
    return f"""
    WITH told AS ({message}), paused AS (
        SELECT told.*, lead(told.time) OVER (PARTITION BY told.metric ORDER BY told.time)
               - told.time AS pause
        FROM told
    )
    SELECT time, metric, value FROM paused
    UNION ALL
    SELECT time + pause / 2, metric, NULL FROM paused
    WHERE pause > greatest(2 * {FIT}, INTERVAL '1 hour')
    ORDER BY 1, 2
    """


def bridge_gaps(builder: Builder) -> Builder:
    """For `refine`: lines over gaps shorter than an hour, points for single values."""
    return builder.override_by_regexp(
        "/.*/",
        [
            sdk.DynamicConfigValue(id_val="custom.spanNulls", value=_BRIDGED_MS),
            sdk.DynamicConfigValue(id_val="custom.showPoints", value="auto"),
        ],
    )
