"""GET /metrics: figures of every part for Prometheus."""

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import ip_address

from fastapi import APIRouter, FastAPI, Request, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from hypervisor.access.context import identify_person
from hypervisor.access.errors import ForbiddenError
from hypervisor.app import queries_metrics
from hypervisor.app.queries_metrics import Measured, WorkerFigures
from hypervisor.base.duties import Duty
from hypervisor.database.connect import StoreError
from hypervisor.database.pool import Pool
from hypervisor.web.problems import responses
from hypervisor.web.request import get_settings
from hypervisor.web.request_metrics import Meter, Metering

router = APIRouter(tags=["metrics"])

_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")
_EXAMPLE = 'hypervisor_alarms{domain="flood",severity="major",state="unacknowledged"} 2.0\n'
_TEXT = {"content": {"text/plain": {"schema": {"type": "string"}, "example": _EXAMPLE}}}
_TOTALS = {
    "messages": "Messages received and processed.",
    "rows": "Readings stored that were new or changed.",
    "refused": "Messages and readings that became dead letters.",
    "batches": "Batches stored.",
    "retries": "Attempts to store a batch that failed and were retried.",
    "repeated": "Readings received again with the same value.",
}
_COUNTERS = {
    "alarm_transitions": "Transitions of alarms.",
    "ingest_gaps": "Spans in which acknowledged messages may have been lost.",
    "ingest_dropped_messages": "Messages dropped by the broker because its queue was full.",
    "alarm_acts": "Actions on alarms, by people and by the system.",
}
_GAUGES = {
    "evaluation_age_seconds": "Age of the latest evaluated reading.",
    "evaluation_watermark_age_seconds": "Age of the watermark up to which silence is evaluated.",
    "evaluation_lag_seconds": "How late an alarm is that becomes due now; real time.",
    "evaluation_unread_batches": "Batches stored and not yet evaluated.",
    "alarms_silenced": "Rules shelved or out of service at a subject.",
    "notify_events_waiting": "Events in the outbox that are not yet decided: due later, or held.",
    "notify_oldest_delivery_age_seconds": "Age of the oldest delivery that waits.",
    "housekeeping_last_run_age_seconds": "Time since the last housekeeping.",
    "rollup_unread_batches": "Batches stored and not yet rolled up; charts read them raw.",
    "rollup_last_run_age_seconds": "Time since the last run of the roll-up.",
    "command_sender_age_seconds": "Time since the sender of commands was last seen.",
    "columnar_rows": "Readings in the columnar copy.",
    "readings": "Readings stored, approximately.",
    "sites": "Sites registered.",
    "devices": "Devices in service.",
    "database_size_bytes": "Size of the database on disk.",
    "database_connections": "Connections to the database.",
}
_OLD_NAMES = {  # for one version, beside the new ones
    "watch_judged_to_age_seconds": "evaluation_age_seconds",
    "watch_heard_to_age_seconds": "evaluation_watermark_age_seconds",
    "watch_unread_batches": "evaluation_unread_batches",
}


def install(app: FastAPI) -> None:
    """Measure every request to `app`."""
    app.state.meter = Meter(app.state.hub)
    app.add_middleware(Metering, meter=app.state.meter)
    app.include_router(router)


@router.get("/metrics", response_class=Response, responses={200: _TEXT, **responses(401, 403)})
def metrics(request: Request) -> Response:
    """Figures of the web process and of every part in the database, for Prometheus.

    Open to this machine unless the settings forbid it; otherwise a token with the scope `read` for
    the whole territory is needed.
    """
    if not _is_local(request):
        person = identify_person(request, "")
        if not person.everywhere(Duty.READ):
            raise ForbiddenError("{person} does not see the whole territory", person.name)
    meter: Meter = request.app.state.meter
    figures = CollectorRegistry()
    figures.register(_DatabaseCollector(request.app.state.pool))
    return Response(
        generate_latest(meter.registry) + generate_latest(figures),
        media_type=CONTENT_TYPE_PLAIN_0_0_4,
    )


def _is_local(request: Request) -> bool:
    """Whether the request comes from this machine, and not through a proxy on it."""
    if not get_settings(request).metrics_open or request.client is None:
        return False
    if any(name in request.headers for name in _FORWARDED):
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False


class _DatabaseCollector:
    """The figures in the database, read once per scrape."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client."""
        try:
            with self._pool.connection() as connection:
                measured = queries_metrics.measure(connection)
        except StoreError:
            measured = None
        yield _gauge("database_up", "Whether the database answers.", measured is not None)
        if measured is not None:
            yield from _build_families(measured)


def _build_families(measured: Measured) -> Iterator[Metric]:
    info = GaugeMetricFamily(
        "hypervisor_instance_info", "Live or exercise.", labels=["mode", "name"]
    )
    info.add_metric([measured.mode, measured.instance], 1)
    yield info
    yield from _worker_families(measured.workers)
    yield _labelled_gauge(
        "dead_letters",
        "Dead letters, by whether they were replayed.",
        ("reason", "replayed", "redriven"),  # the last is the old name, for one version
        (((reason, *2 * [str(again).lower()]), count) for reason, again, count in measured.letters),
    )
    yield _labelled_gauge(
        "alarms",
        "Active or unacknowledged alarms by current severity.",
        ("state", "severity", "domain"),
        ((alarm[:3], alarm[3]) for alarm in measured.alarms),
    )
    yield _labelled_gauge(
        "notify_deliveries",
        "Deliveries of notifications.",
        ("state",),
        (((state,), count) for state, count in measured.deliveries),
    )
    yield _labelled_gauge(
        "commands",
        "Commands to devices under way.",
        ("state",),
        (((state,), count) for state, count in measured.commands),
    )
    for name, help_text in _COUNTERS.items():
        yield CounterMetricFamily(
            f"hypervisor_{name}", help_text, value=measured.figures[name] or 0
        )
    old = {name: f"Deprecated: hypervisor_{new}." for name, new in _OLD_NAMES.items()}
    for name, help_text in {**_GAUGES, **old}.items():
        value = measured.figures[_OLD_NAMES.get(name, name)]
        if value is not None:
            yield _gauge(name, help_text, value)


def _worker_families(workers: Sequence[WorkerFigures]) -> Iterator[Metric]:
    for name, help_text in _TOTALS.items():
        family = CounterMetricFamily(f"hypervisor_ingest_{name}", help_text, labels=["worker"])
        for worker in workers:
            family.add_metric([worker.name], getattr(worker, name))
        yield family
    yield _labelled_gauge(
        "ingest_heartbeat_age_seconds",
        "Time since a worker's heartbeat last came back through the broker.",
        ("worker",),
        (((worker.name,), worker.age) for worker in workers if worker.age is not None),
    )


def _labelled_gauge(
    name: str,
    help_text: str,
    labels: tuple[str, ...],
    samples: Iterable[tuple[tuple[str, ...], float]],
) -> Metric:
    family = GaugeMetricFamily(f"hypervisor_{name}", help_text, labels=labels)
    for values, value in samples:
        family.add_metric(list(values), value)
    return family


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"hypervisor_{name}", help_text, value=value)
