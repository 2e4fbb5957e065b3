"""A stand-in for Grafana's HTTP API, as its documentation describes it: what pushing asks of one.

No Grafana can be had where the tests run. This keeps folders, data sources and dashboards, counts
versions, knows roles, and refuses what Grafana refuses. It proves nothing about a real one.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

Json = dict[str, Any]
Answer = tuple[int, Any]
ADMIN = "admin-token"
FORBIDDEN: Answer = (403, {"message": "You'll need additional permissions to perform this action"})
NOTHING: Answer = (404, {"message": "Not found"})
RANKS = {"Viewer": 0, "Editor": 1, "Admin": 2}


@dataclass(kw_only=True)
class World:
    """What a Grafana holds. `writes`: what was asked to change it, in order."""

    version: str = "12.4.12"
    path: str = ""  # below which it is served
    tokens: dict[str, str] = field(default_factory=lambda: {ADMIN: "Admin"})
    folders: dict[str, Json] = field(default_factory=dict)
    sources: dict[str, Json] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)  # of data sources, never told
    dashboards: dict[str, Json] = field(default_factory=dict)  # dashboard and meta
    database_password: str = "reader-password"  # with which the database lets the reader in
    writes: list[str] = field(default_factory=list)
    before_save: Callable[[], None] = lambda: None  # somebody else, at the same time
    shy: bool = False  # to forbid Editors what there is not
    html: bool = False  # another server altogether
    broken: bool = False
    url: str = ""

    def put_dashboard(self, uid: str, *, folder: str, tags: list[str], **meta: Any) -> None:
        """As if somebody had made it."""
        document = {"uid": uid, "title": uid, "tags": tags, "id": len(self.dashboards) + 1}
        self.dashboards[uid] = {
            "dashboard": {**document, "version": 1},
            "meta": {"folderUid": folder, **meta},
        }

    def answer(self, method: str, target: str, token: str, body: Json) -> Answer:
        """One request."""
        parts = urlsplit(target)
        words = parts.path.strip("/").split("/")
        if words == ["health"]:
            return 200, {"database": "ok", "version": self.version, "commit": "0"}
        refused = self.refused(method, words[0], token)
        if refused is not None:
            return refused
        if method != "GET":
            self.writes.append(f"{method} /{'/'.join(words)}")
        if words == ["search"]:
            return 200, self.search(parse_qs(parts.query))
        ways = {"folders": self.folder, "datasources": self.source, "dashboards": self.dashboard}
        answer = ways[words[0]](method, words[1:], body)
        shy = self.shy and self.tokens[token] == "Editor"
        return FORBIDDEN if answer is NOTHING and shy else answer

    def refused(self, method: str, first: str, token: str) -> Answer | None:
        """What is answered to who may not."""
        if token not in self.tokens:
            return 401, {"message": "Unauthorized"}
        needed = "Admin" if first == "datasources" else "Viewer" if method == "GET" else "Editor"
        if RANKS[self.tokens[token]] < RANKS[needed]:
            return FORBIDDEN
        return (500, {"message": "database is locked"}) if self.broken else None

    def dashboard(self, method: str, rest: list[str], body: Json) -> Answer:
        match method, rest:
            case "GET", ["uid", uid] if uid in self.dashboards:
                return 200, self.dashboards[uid]
            case "POST", ["db"]:
                return self.save(body)
            case "DELETE", ["uid", uid] if uid in self.dashboards:
                del self.dashboards[uid]
                return 200, {"title": uid, "message": f"Dashboard {uid} deleted"}
        return NOTHING

    def search(self, asked: dict[str, list[str]]) -> list[Json]:
        return [
            {
                "uid": uid,
                "title": each["dashboard"]["title"],
                "tags": each["dashboard"]["tags"],
                "folderUid": each["meta"]["folderUid"],
                "type": "dash-db",
            }
            for uid, each in self.dashboards.items()
            if set(asked.get("tag", [])) <= set(each["dashboard"]["tags"])
        ][: int(asked.get("limit", ["1000"])[0])]

    def folder(self, method: str, rest: list[str], body: Json) -> Answer:
        match method, rest:
            case "GET", [uid] if uid in self.folders:
                return 200, self.folders[uid]
            case "POST", []:
                if body["uid"] in self.folders:
                    return 409, {"message": "a folder with the same uid already exists"}
                self.folders[body["uid"]] = {**body, "version": 1}
                return 200, self.folders[body["uid"]]
            case "PUT", [uid] if uid in self.folders:
                there = self.folders[uid]
                if body.get("version") != there["version"] and not body.get("overwrite"):
                    return 412, {"message": "the folder has been changed by someone else"}
                self.folders[uid] = {**there, **body, "version": there["version"] + 1}
                return 200, self.folders[uid]
        return NOTHING

    def source(self, method: str, rest: list[str], body: Json) -> Answer:
        match method, rest:
            case "GET", ["uid", uid] if uid in self.sources:
                return 200, self.sources[uid]
            case "GET", ["uid", uid, "health"] if uid in self.sources:
                return self.tried(uid)
            case "POST", []:
                if any(body["name"] == one["name"] for one in self.sources.values()):
                    return 409, {"message": "data source with the same name already exists"}
                return self.keep(body, version=1)
            case "PUT", ["uid", uid] if uid in self.sources:
                return self.keep(body, version=self.sources[uid]["version"] + 1)
        return NOTHING

    def tried(self, uid: str) -> Answer:
        if self.secrets.get(uid) == self.database_password:
            return 200, {"status": "OK", "message": "Database Connection OK"}
        return 400, {"status": "ERROR", "message": "password authentication failed"}

    def keep(self, body: Json, *, version: int) -> Answer:
        secret = body.pop("secureJsonData", {})
        if secret:
            self.secrets[body["uid"]] = secret["password"]
        told = {"password": True} if body["uid"] in self.secrets else {}
        kept = {"readOnly": False, **body, "version": version, "secureJsonFields": told}
        self.sources[body["uid"]] = kept
        return 200, {"datasource": kept, "message": "Datasource added", "name": body["name"]}

    def save(self, body: Json) -> Answer:
        self.before_save()
        document = body["dashboard"]
        there = self.dashboards.get(document["uid"])
        if body["folderUid"] not in {"", *self.folders}:
            return 400, {"message": "folder not found"}
        if there is not None and there["meta"].get("provisioned"):
            return 400, {"message": "Cannot save provisioned dashboard"}
        was = there["dashboard"]["version"] if there else 0
        if there is not None and document.get("version") != was and not body.get("overwrite"):
            changed = "The dashboard has been changed by someone else"
            return 412, {"status": "version-mismatch", "message": changed}
        number = there["dashboard"]["id"] if there else len(self.dashboards) + 1
        self.dashboards[document["uid"]] = {
            "dashboard": {**document, "id": number, "version": was + 1},
            "meta": {"folderUid": body["folderUid"], "version": was + 1, "provisioned": False},
        }
        return 200, {"status": "success", "uid": document["uid"], "version": was + 1}


@contextmanager
def serving(world: World) -> Iterator[World]:
    """`world` behind an address of this machine, which it then knows."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(world))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    world.url = f"http://127.0.0.1:{server.server_port}{world.path}"
    try:
        yield world
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def handler_of(world: World) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            below = f"{world.path}/api"
            if world.html or not self.path.startswith(below):
                self.tell(200, "text/html", b"<html>Something else</html>")
                return
            status, said = world.answer(self.command, self.path[len(below) :], token, body)
            self.tell(status, "application/json", json.dumps(said).encode())

        do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815 -- the library's names

        def tell(self, status: int, kind: str, said: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    return Handler
