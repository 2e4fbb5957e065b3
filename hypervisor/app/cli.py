"""`hypervisor web`: the API and a plain page."""

import typer


def attach(app: typer.Typer) -> None:
    app.command()(web)


def web(context: typer.Context) -> None:
    """Serve the API and a plain page on the settings' host and port, until stopped."""
    import os
    import socket
    from contextlib import suppress
    from datetime import UTC, datetime

    import uvicorn

    from hypervisor.app.application import create_app
    from hypervisor.app.server import Server
    from hypervisor.base.process import RUN_ID, WEB_SOCKET, Life
    from hypervisor.base.settings import load_settings
    from hypervisor.readings.queries_columnar import FOLDER
    from hypervisor.web import basemap
    from sensors._domain import catalogue

    settings = load_settings(context.obj)
    app = create_app(settings.database_url, catalogue(), lambda: datetime.now(UTC))
    app.state.columnar = settings.data / FOLDER  # where it is, backtests read it
    app.state.settings = settings  # what ingest believes, to send dead letters through again
    app.state.basemap = settings.basemap
    app.state.basemap_origin = basemap.origin(settings.basemap)
    app.state.run_id = os.environ.get(RUN_ID, "")
    app.state.metrics_open = settings.metrics_open
    config = uvicorn.Config(
        app,
        host=settings.web_host,
        port=settings.web_port,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=3,
    )
    life = Life.begin()
    server = Server(config, app.state.hub, life.turn) if life else Server(config, app.state.hub)
    handed = os.environ.get(WEB_SOCKET)  # by `up`, which keeps the port while we are restarted
    listeners = None if handed is None else [socket.socket(fileno=int(handed))]
    with suppress(KeyboardInterrupt):
        server.run(sockets=listeners)
    if not server.started:
        raise typer.Exit(3)  # as uvicorn itself does: it has said why
