"""A local server that answers as the official services do, from recorded answers."""

import base64
import binascii
import hashlib
import json
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlencode, urlsplit

from hypervisor.feeds.recordings import SHIPPED, RecordedError, Recordings

LOOPBACK = "127.0.0.1"
_SIZE, _MOST = 1_000, 20_000  # rows of a page: by default, at most
_BEGINNING = datetime(1900, 1, 1, tzinfo=UTC)

Parameters = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Reply:
    """Content and status."""

    content: Any
    status: int = 200


def serve(folder: Path | None, port: int, *, say: Callable[[str], None]) -> None:
    """Answer until stopped. Raises RecordedError: no such folder, or the port is taken."""
    if folder is not None and not folder.is_dir():
        raise RecordedError("{folder} is no folder", folder)
    server = make_server(Recordings(folder=folder or SHIPPED), port)
    address = f"http://{LOOPBACK}:{server.server_address[1]}"
    say(f"answering at {address}; stop with Ctrl-C. For an instance that asks here:")
    say(f"  export HYPERVISOR_FEEDS_URL={address}")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    stop.wait()
    server.shutdown()
    server.server_close()


def make_server(recordings: Recordings, port: int = 0) -> ThreadingHTTPServer:
    """The server, not running yet; port 0: any. Raises RecordedError: the port is taken."""

    class Handler(_Handler):
        source = recordings

    try:
        return ThreadingHTTPServer((LOOPBACK, port), Handler)
    except OSError as error:
        raise RecordedError(
            "cannot listen at {address}: {error}", f"{LOOPBACK}:{port}", error.strerror
        ) from error


class _Handler(BaseHTTPRequestHandler):
    source: ClassVar[Recordings]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        parameters = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        address = f"http://{self.headers.get('Host', LOOPBACK)}{parts.path}"
        try:
            reply = answer(self.source, parts.path, parameters, address)
        except ValueError as error:
            reply = Reply(content={"code": "invalid", "message": str(error)}, status=400)
        self._send(reply)

    def _send(self, reply: Reply) -> None:
        is_xml = isinstance(reply.content, str)
        body = (reply.content if is_xml else json.dumps(reply.content, ensure_ascii=False)).encode()
        etag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
        unchanged = reply.status == 200 and self.headers.get("If-None-Match") == etag
        with suppress(BrokenPipeError, ConnectionResetError):
            self.send_response(304 if unchanged else reply.status)
            kind = "application/xml" if is_xml else "application/json"
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("ETag", etag)
            self.send_header("Content-Length", "0" if unchanged else str(len(body)))
            self.end_headers()
            if not unchanged:
                self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  as the base class has it
        """Says nothing."""


def answer(source: Recordings, path: str, parameters: Parameters, address: str) -> Reply:
    """What the service says at a path. Raises ValueError: a parameter cannot be read."""
    service, _, what = path.strip("/").partition("/")
    if service == "hubeau" and what in _LISTS:
        return _page(_LISTS[what](source, parameters), parameters, address)
    own = _OWN.get((service, what))
    if own is not None:
        return own(source, parameters)
    prefix = _DOCUMENTS.get((service, what))
    match service, what.split("/"):
        case "communes", ["departements", code, "communes"]:
            prefix = f"communes-{code}"
            if source.document(prefix) is None:
                words = f"this is a recording of {source.list_departements()}, not of {code}"
                return Reply(content={"message": words}, status=404)
    if prefix is not None:
        return _document(source, prefix)
    return Reply(content={"message": f"nothing recorded at {path}"}, status=404)


def _document(source: Recordings, prefix: str) -> Reply:
    content = source.document(prefix)
    if content is None:
        return Reply(content={"message": f"no file {prefix}* in {source.folder}"}, status=404)
    return Reply(content=content)


def _bulletin(source: Recordings, parameters: Parameters) -> Reply:
    """Of a territory or a reach: the file has them by code."""
    code = parameters.get("CdEntVigiCru", "")
    content = (source.document("bulletins-") or {}).get(code)
    if content is None:
        return Reply(content={"error_msg": f"no bulletin of {code}", "code": 404}, status=404)
    return Reply(content=content)


def _weather(source: Recordings, parameters: Parameters, step: timedelta) -> Reply:
    """Of a station the values of the recorded hour, at the time nearest before the wished one."""
    code = parameters.get("id_station", "")
    hours = (source.document("observations-") or {}).get(code)
    latest = source.clock() - timedelta(minutes=5)
    at = min(_read_time(parameters.get("date"), latest), latest)
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    at = midnight + (at - midnight) // step * step
    if not hours or at < latest - timedelta(hours=24):
        return Reply(content=[])
    row = dict(hours[at.hour % len(hours)])
    rain = row.pop("rain")
    row |= {"rr_per": round(rain / 10, 1)} if step < timedelta(hours=1) else {"rr1": rain}
    return Reply(content=[{"geo_id_insee": code, "validity_time": _write(at), **row}])


def _write(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _events(source: Recordings, _parameters: Parameters) -> Reply:
    """A DATEX II document."""
    text = source.text("roads-", "xml")
    if text is None:
        return Reply(content={"message": f"no file roads-*.xml in {source.folder}"}, status=404)
    return Reply(content=text)


def _forecast(source: Recordings, parameters: Parameters) -> Reply:
    """The list of a quantity, or one station's: the file has them by quantity and code."""
    own = (source.document("forecasts-") or {}).get(parameters.get("GrdSimul", ""), {})
    code = parameters.get("CdEntVigiCru")
    if code is not None:
        simulation = own.get(code)
        words = {"error_msg": f"no forecast of {code}"}
        return Reply(content=words if simulation is None else {"Simul": simulation})
    if not own:
        return Reply(content={"message": "no forecast is current"})
    entries = [
        {"CdEntVigiCru": name, "DtProdSimul": simulation["DtProdSimul"]}
        for name, simulation in own.items()
    ]
    return Reply(content={"ListEntVigiCru": entries})


def _codes(parameters: Parameters, name: str) -> list[str]:
    return [code.strip() for code in parameters.get(name, "").split(",") if code.strip()]


def _observations(source: Recordings, parameters: Parameters) -> Sequence[Mapping[str, Any]]:
    rows = source.observations(
        _codes(parameters, "code_entite"),
        parameters.get("grandeur_hydro", "H,Q"),
        _read_time(parameters.get("date_debut_obs"), _BEGINNING),
        _read_time(parameters.get("date_fin_obs"), source.clock()),
    )
    return rows if parameters.get("sort") == "asc" else rows[::-1]


def _stations(source: Recordings, parameters: Parameters) -> Sequence[Mapping[str, Any]]:
    departement = parameters.get("code_departement", "")
    codes = _codes(parameters, "code_station")
    return [
        {name: value for name, value in station.items() if name not in {"curve", "surface_bv"}}
        for station in source.stations
        if station.get("code_departement", departement) == departement or not departement
        if not codes or station["code_station"] in codes
    ]


def _sites(source: Recordings, parameters: Parameters) -> Sequence[Mapping[str, Any]]:
    codes = _codes(parameters, "code_site")
    return [
        {"code_site": station.get("code_site"), "surface_bv": station.get("surface_bv")}
        for station in source.stations
        if not codes or station.get("code_site") in codes
    ]


def _daily(source: Recordings, parameters: Parameters) -> Sequence[Mapping[str, Any]]:
    recorded = source.document("hubeau-obs_elab")
    codes = _codes(parameters, "code_entite")
    if recorded is not None:
        return [row for row in recorded["data"] if not codes or row.get("code_station") in codes]
    if "HIXnJ" not in parameters.get("grandeur_hydro_elab", "HIXnJ"):
        return []
    since = _read_time(parameters.get("date_debut_obs_elab"), _BEGINNING)
    return source.daily_maxima(codes, date(since.year, since.month, since.day))


_LISTS = {
    "observations_tr": _observations,
    "referentiel/stations": _stations,
    "referentiel/sites": _sites,
    "obs_elab": _daily,
}
_RHYTHMS = {
    "infrahoraire-6m": timedelta(minutes=6),
    "horaire": timedelta(hours=1),
}
_OWN: Mapping[tuple[str, str], Callable[[Recordings, Parameters], Reply]] = {
    ("vigicrues", "InfoVigiCru.jsonld"): _bulletin,
    ("vigicrues", "v1.1/prevision.json"): _forecast,
    ("roads", "content.xml"): _events,
    **{
        ("observations", f"station/{name}"): partial(_weather, step=step)
        for name, step in _RHYTHMS.items()
    },
}
_DOCUMENTS = {
    ("vigicrues", "InfoVigiCru.geojson"): "vigicrues-",
    ("vigicrues", "1/InfoVigiCru.geojson"): "vigicrues-",
    ("meteofrance", "cartevigilance/encours"): "meteofrance-",
}


def _read_time(written: str | None, usual: datetime) -> datetime:
    if not written:
        return usual
    time = datetime.fromisoformat(written)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _page(rows: Sequence[Mapping[str, Any]], parameters: Parameters, address: str) -> Reply:
    """A page of a list; 206 and the address of the next where there are more."""
    size = min(int(parameters.get("size", _SIZE)), _MOST)
    first = _read_place(parameters.get("cursor", ""))
    fields = [name for name in parameters.get("fields", "").split(",") if name]
    page = rows[first : first + size]
    if fields:
        page = [{name: row.get(name) for name in fields} for row in page]
    more = first + size < len(rows)
    following = {**parameters, "cursor": _format_place(first + size)}
    content = {
        "count": len(rows),
        "next": f"{address}?{urlencode(following)}" if more else None,
        "api_version": "2.0.1",
        "data": page,
    }
    return Reply(content=content, status=206 if more else 200)


def _format_place(place: int) -> str:
    return base64.urlsafe_b64encode(str(place).encode()).decode()


def _read_place(cursor: str) -> int:
    try:
        return int(base64.urlsafe_b64decode(cursor)) if cursor else 0
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"cursor {cursor!r} is none of ours") from error
