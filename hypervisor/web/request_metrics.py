"""What the web process measures of itself: requests by route, how long they took, who listens."""

from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.process_collector import ProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hypervisor.web.hub import Hub

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Meter:
    """The figures of one process."""

    def __init__(self, hub: Hub) -> None:
        """Also of those who listen to `hub`."""
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "hypervisor_http_requests",
            "Requests answered.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "hypervisor_http_request_duration_seconds",
            "From the request to the end of its answer; streams of events are left out.",
            ["method", "route"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        listeners = Gauge(
            "hypervisor_events_listeners",
            "Who listens to events of this process.",
            registry=self.registry,
        )
        listeners.set_function(lambda: len(hub.listeners))
        lost = Gauge(
            "hypervisor_events_listeners_lost",
            "Listeners that were too slow since the process began.",
            registry=self.registry,
        )
        lost.set_function(lambda: hub.lost)
        ProcessCollector(registry=self.registry)


class Metering:
    """Around the application: measures each request."""

    def __init__(self, app: ASGIApp, meter: Meter) -> None:
        """Serve what `app` serves."""
        self._app = app
        self._meter = meter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = perf_counter()
        status, kind = 500, b""

        async def sending(message: Message) -> None:
            nonlocal status, kind
            if message["type"] == "http.response.start":
                status = message["status"]
                kind = dict(message["headers"]).get(b"content-type", b"")
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            method, route = _method_label(scope), _route_template(scope)
            self._meter.requests.labels(method, route, str(status)).inc()
            if not kind.startswith(b"text/event-stream"):
                self._meter.seconds.labels(method, route).observe(perf_counter() - begun)


def _route_template(scope: Scope) -> str:
    """The route's template: what is asked for must not make series without end."""
    route = scope.get("route")
    template = str(getattr(route, "path", ""))
    try:
        filled = str(getattr(route, "path_format", template)).format_map(scope["path_params"])
    except KeyError:
        return template or "none"
    if not template or not scope["path"].endswith(filled):
        return template or "none"
    return str(scope["path"]).removesuffix(filled) + template  # with what it was included below


def _method_label(scope: Scope) -> str:
    methods = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
    return scope["method"] if scope["method"] in methods else "other"
