"""A value that an agent reads on the spot, stored as what devices send, and as a person's.

The site has a device for it, with `properties: {feed: person}`: its series are what may be read
there. A reading passes the checks of a device's message; its time is when the agent noted it.
"""

from datetime import datetime

from hypervisor.access.context import RequestContext
from hypervisor.base.instants import micros
from hypervisor.database.connect import Connection
from hypervisor.feeds.model import Observation
from hypervisor.feeds.receive import store_observations
from hypervisor.interventions.model import Intervention, InterventionError
from hypervisor.interventions.queries_series import list_series
from hypervisor.readings import queries as reading_queries
from hypervisor.readings.ingest_worker import read_ingest_context
from hypervisor.web.request import get_settings


def store_reading(
    connection: Connection,
    context: RequestContext,
    order: Intervention,
    reading: tuple[str, float],
    *,
    time: datetime,
) -> dict[str, object]:
    """Store it in the caller's transaction; what the event keeps of it.

    `reading`: DEVICE/QUANTITY and a value in the catalogue's unit. `time`: when it was noted, on
    the instance's clock.

    Raises InterventionError: agents read no such series at the order's site, or it cannot have
    this value.
    """
    series, value = reading
    device, _, quantity = series.partition("/")
    if order.site is None or (device, quantity) not in list_series(connection, [order.site]).get(
        order.site, ()
    ):
        raise InterventionError("agents read no {series!r} at the site of this order", series)
    kind = context.catalogue.quantities[quantity]
    if not kind.low <= value <= kind.high:
        raise InterventionError(
            "expected {low:g} to {high:g} {unit}, not {value:g}",
            *(kind.low, kind.high, kind.unit, value),
        )
    time = time.replace(microsecond=0)
    reading_queries.create_staging_tables(connection)
    stored = store_observations(
        connection,
        read_ingest_context(connection, get_settings()),
        [Observation(device=device, time=time, values={quantity: value})],
        received_at=micros(context.now()),
        manual=True,
    )
    return {
        "series": series,
        "value": value,
        "time": time.isoformat(),
        "unit": kind.unit,
        "refused": stored.why,
    }
