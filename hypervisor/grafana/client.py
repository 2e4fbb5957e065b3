"""The calls of Grafana's API that pushing needs."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from grafana_client import GrafanaApi  # type: ignore[import-untyped]
from grafana_client.client import (  # type: ignore[import-untyped]
    GrafanaClientError,
    GrafanaException,
    GrafanaServerError,
    GrafanaUnauthorizedError,
)

from sensors._errors import TerritoryError

OLDEST = 12
TIMEOUT_SECONDS = 30.0
MOST = 5000  # results of one search
Json = dict[str, Any]


class GrafanaError(TerritoryError):
    """A request to Grafana failed."""


class ForbiddenError(GrafanaError):
    """The token is valid but lacks the permission."""


class Grafana:
    """A Grafana, with the token of a service account."""

    def __init__(self, url: str, token: str) -> None:
        """Check the arguments; no request is made.

        Raises:
            GrafanaError: `url` is not valid, or there is no token.
        """
        try:
            parts = urlsplit(url)
            usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            usable = False
        if not usable:
            raise GrafanaError(f"--url {url!r}: expected http(s)://host[:port][/path]")
        if parts.username is not None:
            raise GrafanaError("--url: expected no user in it; use a token")
        if not token:
            raise GrafanaError(
                "no token: expected --token, or HYPERVISOR_GRAFANA_TOKEN in the environment"
                " (Grafana: Administration > Users and access > Service accounts)"
            )
        self.url = url.rstrip("/")
        self._api = GrafanaApi.from_url(f"{self.url}/", token, timeout=TIMEOUT_SECONDS)

    def close(self) -> None:
        """Close the connections."""
        self._api.client.s.close()

    def require_version(self) -> str:
        """Its version; a hidden version is accepted.

        Raises:
            GrafanaError: it is too old, or not a Grafana.
        """
        with self._translated("tell its version"):
            health = self._api.health.check()
        if not isinstance(health, dict) or "database" not in health:
            raise GrafanaError(f"{self.url} answers, but not as a Grafana does: is the path right?")
        version = str(health.get("version", ""))
        major = version.partition(".")[0]
        if major.isdecimal() and int(major) < OLDEST:
            raise GrafanaError(
                f"{self.url} is Grafana {version}: expected {OLDEST} or newer, for which the"
                " dashboards are made"
            )
        return version

    def folder(self, uid: str) -> Json | None:
        """A folder; None if there is none that the token may see."""
        return self._seen("read folders", self._api.folder.get_folder, uid)

    def create_folder(self, uid: str, title: str) -> None:
        with self._translated(f"create the folder {title!r}"):
            self._api.folder.create_folder(title=title, uid=uid)

    def rename_folder(self, uid: str, title: str, version: int) -> None:
        with self._translated(f"rename the folder {title!r}"):
            self._api.folder.update_folder(uid, title=title, version=version)

    def source(self, uid: str) -> Json | None:
        """A data source, without its secrets."""
        return self._find("read data sources", self._api.datasource.get_datasource_by_uid, uid)

    def create_source(self, body: Mapping[str, Any]) -> None:
        with self._translated("create the data source"):
            self._api.datasource.create_datasource(dict(body))

    def update_source(self, uid: str, body: Mapping[str, Any]) -> None:
        with self._translated("change the data source"):
            self._api.datasource.update_datasource_by_uid(uid, dict(body))

    def source_trouble(self, uid: str) -> str:
        """Why the data source does not reach its database; "" if it does."""
        try:
            with self._translated("try the data source"):
                health = self._api.datasource.health(uid)
        except GrafanaError as error:
            return str(error)
        if isinstance(health, dict) and health.get("status") == "OK":
            return ""
        return str(health.get("message", health)) if isinstance(health, dict) else str(health)

    def dashboards(self, tag: str) -> list[Json]:
        """Every dashboard with this tag: uid, title, folderUid, tags."""
        with self._translated("search dashboards"):
            search_dashboards = self._api.search.search_dashboards(
                tag=tag, type_="dash-db", limit=MOST
            )
        return [dict(each) for each in search_dashboards]

    def dashboard(self, uid: str) -> Json | None:
        """A dashboard: `dashboard`, and `meta` about it; None as of folders."""
        return self._seen("read dashboards", self._api.dashboard.get_dashboard, uid)

    def save_dashboard(self, body: Mapping[str, Any]) -> None:
        title = body["dashboard"]["title"]
        with self._translated(f"save the dashboard {title!r}"):
            self._api.dashboard.update_dashboard(dict(body))

    def delete_dashboard(self, uid: str) -> None:
        with self._translated(f"delete the dashboard {uid!r}"):
            self._api.dashboard.delete_dashboard(uid)

    def _seen(self, what: str, read: Any, uid: str) -> Json | None:
        """Grafana may answer an Editor 403 for what does not exist; creating it will show."""
        try:
            return self._find(what, read, uid)
        except ForbiddenError:
            return None

    def _find(self, what: str, read: Any, uid: str) -> Json | None:
        with self._translated(what):
            try:
                return dict(read(uid))
            except GrafanaClientError as error:
                if error.status_code == 404:
                    return None
                raise

    @contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        """The library's errors as ours, without the token."""
        try:
            yield
        except GrafanaUnauthorizedError as error:
            raise GrafanaError(
                f"{self.url} does not know the token (401): expected one of a service account,"
                " that has not expired"
            ) from error
        except GrafanaException as error:
            raise self._refused(what, error) from error
        except (json.JSONDecodeError, TypeError) as error:
            raise GrafanaError(f"{self.url} answers, but not as a Grafana does") from error
        except OSError as error:  # of the HTTP library: refused, unknown host, timeout, certificate
            raise GrafanaError(f"no answer from {self.url}: {_shortly(error)}") from error

    def _refused(self, what: str, error: GrafanaException) -> GrafanaError:
        response = error.response
        why = response.get("message", "") if isinstance(response, dict) else ""
        match error.status_code:
            case 403:
                return ForbiddenError(
                    f"the token may not {what} (403): expected a service account of role Editor,"
                    " for the data source of role Admin"
                )
            case 412:
                return GrafanaError(
                    f"{self.url} refuses to {what}: it was changed meanwhile (then push again), or"
                    " is in a folder that the token may not read"
                )
            case status:
                kind = "fails" if isinstance(error, GrafanaServerError) else "refuses"
                return GrafanaError(
                    f"{self.url} {kind} to {what} ({status}): {why or 'no reason given'}"
                )


def _shortly(error: OSError) -> str:
    """The first cause of a wrapped error."""
    cause: BaseException = error
    while (deeper := cause.__cause__ or cause.__context__) is not None:
        cause = deeper
    return str(cause) or type(error).__name__
