"""Pushes folder, data source and dashboards into a Grafana; writes only changes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from urllib.parse import parse_qs, unquote, urlsplit

from hypervisor.grafana.client import ForbiddenError, Grafana, GrafanaError, Json

UID = "hypervisor"
NAME = "Hypervisor"
TYPE = "grafana-postgresql-datasource"
READER = "reader_"
SSL_MODES = ("disable", "require", "verify-ca", "verify-full")
FIXED = {
    "postgresVersion": 1700,
    "timescaledb": True,
    "maxOpenConns": 8,  # of a reader's 10 connections
    "maxIdleConns": 5,
    "connMaxLifetime": 14400,
}


@dataclass(frozen=True, kw_only=True)
class Source:
    """A reader's connection to the database."""

    address: str  # host:port
    user: str
    password: str
    database: str
    sslmode: str

    def settings(self) -> Json:
        """All but name and secret."""
        return {
            "type": TYPE,
            "access": "proxy",
            "url": self.address,
            "user": self.user,
            "jsonData": {"database": self.database, "sslmode": self.sslmode, **FIXED},
        }

    def secret(self) -> Json:
        return {"secureJsonData": {"password": self.password}}


def source_of(url: str) -> Source:
    """Parse a reader's URL.

    Raises:
        GrafanaError: it is not valid; the message never repeats it, since it holds a password.
    """
    expected = "--reader-url: expected postgresql://reader_NAME:PASSWORD@HOST[:PORT]/DATABASE"
    parts = urlsplit(url)
    if parts.scheme not in ("postgresql", "postgres") or not parts.hostname:
        raise GrafanaError(expected)
    if not parts.username or not parts.password or not parts.path.strip("/"):
        raise GrafanaError(f"{expected}; user, password or database is missing")
    user = unquote(parts.username)
    if not user.startswith(READER):
        raise GrafanaError(
            f"--reader-url: {user!r} is no reader, and who has dashboards to edit may send any SQL"
            " as it; `hypervisor reader add NAME` makes one"
        )
    sslmode = parse_qs(parts.query).get("sslmode", ["require"])[-1]
    if sslmode not in SSL_MODES:
        raise GrafanaError(f"--reader-url: sslmode {sslmode!r}: expected {', '.join(SSL_MODES)}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return Source(
        address=f"{host}:{parts.port or 5432}",
        user=user,
        password=unquote(parts.password),
        database=unquote(parts.path.strip("/")),
        sslmode=sslmode,
    )


FOLDER = "hypervisor"  # its uid
TITLE = "Hypervisor"  # default title of the folder
TAG = "hypervisor"
PREFIX = "hypervisor-"  # of the dashboards' uids
# Grafana's own, which it sets and raises by itself.
THEIRS = frozenset({"id", "version", "schemaVersion"})


class Outcome(StrEnum):
    """What a step does."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REMOVED = "removed"
    LEFT = "left as it is"


@dataclass(frozen=True, kw_only=True)
class Step:
    """A planned change; `do` makes it, None: nothing to do."""

    what: str
    name: str
    how: Outcome
    do: Callable[[], None] | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class PushOptions:
    """What to push. `documents` by uid; `folder`: its title, None: unchanged."""

    documents: Mapping[str, Json]
    folder: str | None = None
    source: Source | None = None


def push(grafana: Grafana, options: PushOptions, *, dry: bool = False) -> list[Step]:
    """Plan all steps, then carry them out; `dry`: only plan.

    Raises:
        GrafanaError: it cannot be reached, refuses, or holds what is not ours to change.
    """
    grafana.require_version()
    steps = [_folder(grafana, options), _source(grafana, options)]
    steps += [_dashboard(grafana, uid, each) for uid, each in sorted(options.documents.items())]
    steps += _removals(grafana, options)
    if dry:
        return steps
    for step in steps:
        if step.do is not None:
            step.do()
    return [_verify(grafana, step) for step in steps]


def matches(ours: object, theirs: object) -> bool:
    """Whether Grafana has our values; its additions and omitted empty values do not count."""
    match ours, theirs:
        case dict(), dict():
            return all(
                matches(value, theirs[key]) if key in theirs else not value
                for key, value in ours.items()
            )
        case list(), list():
            pairs = zip(ours, theirs, strict=False)
            return len(ours) == len(theirs) and all(matches(left, other) for left, other in pairs)
        case bool(), _:
            return ours is theirs
        case _:
            return ours == theirs and not isinstance(theirs, bool)


def _folder(grafana: Grafana, options: PushOptions) -> Step:
    there = grafana.folder(FOLDER)
    if there is None:
        title = options.folder or TITLE
        create = Step(what="folder", name=title, how=Outcome.CREATED)
        return replace(create, do=lambda: grafana.create_folder(FOLDER, title))
    was = str(there["title"])
    if options.folder in (None, was):
        return Step(what="folder", name=was, how=Outcome.UNCHANGED)
    title = str(options.folder)
    rename = Step(what="folder", name=title, how=Outcome.UPDATED)
    version = int(there.get("version", 1))
    return replace(rename, do=lambda: grafana.rename_folder(FOLDER, title, version))


def _source(grafana: Grafana, options: PushOptions) -> Step:
    source = options.source
    try:
        there = grafana.source(UID)
    except ForbiddenError:
        if source is not None:
            raise
        note = "the token may not read it"  # an Editor's; dashboards need no more
        return Step(what="data source", name=NAME, how=Outcome.LEFT, note=note)
    step = Step(what="data source", name=str(there["name"]) if there else NAME, how=Outcome.LEFT)
    if there is None and source is None:
        raise GrafanaError(
            f"{grafana.url} has no data source with the uid {UID!r}, which the dashboards ask:"
            " expected --reader-url, with which it is made"
        )
    if there is not None and there["type"] != TYPE:
        raise GrafanaError(
            f"the data source {there['name']!r} of {grafana.url} has the uid {UID!r} and is of"
            f" type {there['type']!r}: expected {TYPE!r}; give it another uid"
        )
    if source is None:
        return step
    settings, secret = source.settings(), source.secret()
    if there is None:
        body = {"uid": UID, "name": NAME, "isDefault": False, **settings, **secret}
        return replace(step, how=Outcome.CREATED, do=lambda: grafana.create_source(body))
    if there.get("readOnly"):
        return replace(step, note="provisioned from a file, where it is to be changed")
    # The stored password cannot be read, so test the connection.
    if matches(settings, there) and not grafana.source_trouble(UID):
        return replace(step, how=Outcome.UNCHANGED)
    body = {**_kept(there), **settings, **secret}
    body["jsonData"] = {**there.get("jsonData", {}), **settings["jsonData"]}
    return replace(step, how=Outcome.UPDATED, do=lambda: grafana.update_source(UID, body))


def _kept(there: Json) -> Json:
    """The user's settings of the data source, and the fields required for an update."""
    return {key: there[key] for key in ("uid", "name", "isDefault", "version") if key in there}


def _dashboard(grafana: Grafana, uid: str, document: Json) -> Step:
    ours = {key: value for key, value in document.items() if key not in THEIRS}
    step = Step(what="dashboard", name=str(document["title"]), how=Outcome.CREATED)
    there = grafana.dashboard(uid)
    if there is None:
        body = {"dashboard": {**document, "id": None, "version": 0}, "folderUid": FOLDER}
        return replace(step, do=lambda: grafana.save_dashboard(_with_message(body)))
    stored, meta = there["dashboard"], there["meta"]
    if meta.get("provisioned"):
        raise GrafanaError(
            f"the dashboard {uid!r} of {grafana.url} comes from files that it was provisioned"
            " with: it is to be changed there, and not by a push"
        )
    if TAG not in stored.get("tags", []):
        raise GrafanaError(
            f"the dashboard {stored.get('title')!r} of {grafana.url} has the uid {uid!r} but not"
            f" the tag {TAG!r}: it is not ours to change; give it another uid"
        )
    if matches(ours, stored):
        return replace(step, how=Outcome.UNCHANGED)
    # Keep the folder it was moved to. The version guards against concurrent changes.
    body = {
        "dashboard": {**document, "id": stored.get("id"), "version": stored.get("version")},
        "folderUid": meta.get("folderUid", FOLDER),
    }
    return replace(
        step, how=Outcome.UPDATED, do=lambda: grafana.save_dashboard(_with_message(body))
    )


def _with_message(body: Json) -> Json:
    return {**body, "overwrite": False, "message": "hypervisor dashboards push"}


def _removals(grafana: Grafana, options: PushOptions) -> list[Step]:
    """Delete our dashboards that no longer exist: our folder, tag and uid prefix."""
    return [
        Step(
            what="dashboard",
            name=str(each["title"]),
            how=Outcome.REMOVED,
            do=lambda uid=str(each["uid"]): grafana.delete_dashboard(uid),  # type: ignore[misc]
        )
        for each in sorted(grafana.dashboards(TAG), key=lambda document: str(document["uid"]))
        if each.get("folderUid") == FOLDER
        and TAG in each.get("tags", [])
        and str(each["uid"]).startswith(PREFIX)
        and each["uid"] not in options.documents
    ]


def _verify(grafana: Grafana, step: Step) -> Step:
    """Test a data source that was created or changed."""
    if step.what != "data source" or step.do is None:
        return step
    trouble = grafana.source_trouble(UID)
    return replace(step, note=f"but it does not reach the database: {trouble}" if trouble else "")
