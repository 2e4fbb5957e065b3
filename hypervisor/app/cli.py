"""`hypervisor web` serves the console and the API."""

import typer


def attach(app: typer.Typer) -> None:
    app.command()(web)
    console = typer.Typer(hidden=True, no_args_is_help=True)
    console.callback()(lambda: None)
    console.command(
        "screenshots", context_settings={"allow_extra_args": True, "ignore_unknown_options": True}
    )(_refuse_screenshots)
    app.add_typer(console, name="console")


def _refuse_screenshots() -> None:
    """Moved out of the wheel; this notice stays until version 0.2."""
    raise typer.BadParameter("in a checkout, run `python -m tests.screenshots`")


def web(context: typer.Context) -> None:
    """Serve the console and the API on the host and port of the settings, until stopped."""
    import os
    import socket
    from contextlib import suppress
    from datetime import UTC, datetime

    import uvicorn

    from hypervisor.app.application import Server, create_app
    from hypervisor.base.process import WEB_SOCKET, Life
    from hypervisor.base.settings import load_settings
    from hypervisor.web.worker_process import serve_requests
    from hypervisor.web.workers import Workers
    from sensors._domain import catalogue

    settings = load_settings(context.obj)
    app = create_app(settings, catalogue(), lambda: datetime.now(UTC))
    config = uvicorn.Config(
        app,
        host=settings.web_host,
        port=settings.web_port,
        log_level="warning",
        server_header=False,
        forwarded_allow_ips=[str(proxy) for proxy in settings.trusted_proxies],
        timeout_graceful_shutdown=3,
        # Longer than browsers and proxies keep a connection: one that we close may carry a request.
        timeout_keep_alive=75,
    )
    app.state.workers = Workers.begin(lambda channel: serve_requests(app, channel))
    life = Life.begin()
    server = Server(config, app.state.hub, life.turn) if life else Server(config, app.state.hub)
    handed = os.environ.get(WEB_SOCKET)  # by `up`, which keeps the port over restarts
    listeners = None if handed is None else [socket.socket(fileno=int(handed))]
    with suppress(KeyboardInterrupt):
        server.run(sockets=listeners)
    if not server.started:
        raise typer.Exit(3)  # as uvicorn does; it has logged why
