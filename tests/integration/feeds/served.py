"""The recorded server on loopback, in the time of the test, which can be put out."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import ThreadingHTTPServer
from pathlib import Path

from hypervisor.feeds.recorded import make_server
from hypervisor.feeds.recordings import Recordings


@dataclass(kw_only=True)
class Clock:
    """A clock that the test moves."""

    at: datetime

    def __call__(self) -> datetime:
        return self.at

    def move(self, minutes: float) -> None:
        self.at += timedelta(minutes=minutes)


@dataclass(kw_only=True)
class Service:
    """The server's address, and its recordings."""

    recordings: Recordings
    server: ThreadingHTTPServer = field(repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"


@contextmanager
def served(folder: Path, clock: Clock, *, moved: bool = False) -> Iterator[Service]:
    """Serve a folder of recorded answers; unless `moved`, the recorded day is the clock's."""
    today = None if moved else clock.at.date()
    recordings = Recordings(folder=folder, today=today, clock=clock)
    server = make_server(recordings)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield Service(recordings=recordings, server=server)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def write_curve(folder: Path, station: str, begins: datetime, levels: list[float]) -> None:
    """Levels (m) of a station every 5 minutes, in Hub'Eau's layout."""
    lines = ["code_station;grandeur_hydro;date_obs;resultat_obs"]
    for place, level in enumerate(levels):
        at = begins + timedelta(minutes=5 * place)
        lines.append(f"{station};H;{at:%Y-%m-%dT%H:%M:%SZ};{round(level * 1000)}")
    (folder / f"{station}.hubeau.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
