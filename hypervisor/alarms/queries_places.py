"""SQL of the places of alarms when they began: site, river, commune, group."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic.dataclasses import dataclass as record

from hypervisor.alarms.incidents import Key, Location, Silence, find_key
from hypervisor.base.instants import Micros, micros
from hypervisor.database.connect import Connection

Named = tuple[str, str]  # its name and its title
_Dated = tuple[int, Any]  # from when on (µs), and what


@record(frozen=True, kw_only=True)
class AlarmSubject:
    """What decides to which incident an alarm belongs. `before`: its previous key."""

    id: int
    version: int
    before: str | None
    rule: str
    subject: str
    domain: str
    category: str
    began: Micros
    site: str | None
    title: str
    source: str | None = None
    commune: str | None = None


@dataclass(frozen=True, kw_only=True)
class Places:
    """The part of the registry that incidents need."""

    sites: Mapping[str, tuple[str, str | None, Named | None]]  # title, river, commune
    communes: Mapping[str, str]  # name, by code
    groups: Mapping[str, tuple[str, str | None]]  # title, the site it is run from
    members: Mapping[str, list[tuple[str, list[_Dated]]]]  # of a device: its groups
    rules: Mapping[str, list[_Dated]]  # how each groups its alarms
    silences: Mapping[str, list[_Dated]]  # whether each rule asks for silence

    @classmethod
    def read(cls, connection: Connection) -> "Places":
        """Read all of it: a few small tables."""
        sites = connection.execute(
            "SELECT s.name, s.title, s.river, a.code, a.name FROM site s"
            " LEFT JOIN area a ON a.code = s.commune"
        ).fetchall()
        communes = connection.execute("SELECT code, name FROM area WHERE kind = 'commune'")
        groups = connection.execute(
            "SELECT g.name, g.title, s.name FROM device_group g LEFT JOIN site s ON s.id = g.site"
        ).fetchall()
        members: dict[str, list[tuple[str, list[_Dated]]]] = {}
        for key, revisions in _read_revisions(connection, "member", "value").items():
            group, _, device = key.partition("/")
            members.setdefault(device, []).append((group, revisions))
        return cls(
            sites={row[0]: (row[1], row[2], (row[3], row[4]) if row[3] else None) for row in sites},
            communes=dict(communes.fetchall()),
            groups={name: (title, site) for name, title, site in groups},
            members=members,
            rules=_read_revisions(connection, "rule", "value->>'group by'"),
            silences=_read_revisions(
                connection, "rule", "position('silent(' in value->>'when') > 0"
            ),
        )

    @property
    def silence_rules(self) -> list[str]:
        """The rules that ever asked for silence."""
        return [rule for rule, dated in self.silences.items() if any(asks for _, asks in dated)]

    def silence(self, alarm: AlarmSubject) -> Silence | None:
        """The alarm as one about silence; None: it is of another kind."""
        asks = _value_at(self.silences.get(alarm.rule, []), alarm.began)
        if not asks or alarm.category != "maintenance":
            return None
        return Silence(
            alarm=alarm.id,
            domain=alarm.domain,
            began=alarm.began,
            site=alarm.site or alarm.subject,
        )

    def key(self, alarm: AlarmSubject) -> tuple[Key, str]:
        """The incident key of an alarm, and the title of its place."""
        grouped_by = _value_at(self.rules.get(alarm.rule, []), alarm.began)
        return find_key(alarm.domain, alarm.category, grouped_by, self._where(alarm))

    def _where(self, alarm: AlarmSubject) -> Location:
        kind, _, name = alarm.subject.partition("/")
        group = name if kind == "group" else None
        if kind == "device":
            memberships = self.members.get(name, [])
            of = sorted(
                group_name
                for group_name, revisions in memberships
                if _value_at(revisions, alarm.began) is not None
            )
            group = of[0] if of else None
        title, home = self.groups.get(group or "", ("", None))
        site = home or alarm.site
        place = self.sites.get(site or "")
        river = place[1] if place else None
        town = self.communes.get(alarm.commune or "")
        return Location(
            site=(site, place[0]) if site and place else None,
            group=(group, title) if group else None,
            commune=place[2] if place else (alarm.commune or "", town) if town else None,
            river=(river, river) if river else None,
            subject=(alarm.source or alarm.subject, alarm.source or alarm.title),
        )


def read_fingerprint(connection: Connection) -> list[Any]:
    """A value that changes when the registry data used by incidents change."""
    row = connection.execute(
        "SELECT (SELECT max(id) FROM revision WHERE kind = 'member'),"
        # Only rules that ever set `group by`: most revisions change nothing here.
        " (SELECT md5(string_agg(concat_ws('|', key, effective, coalesce(value->>'group by', '-')),"
        "  ';' ORDER BY id)) FROM revision WHERE kind = 'rule' AND key IN"
        "  (SELECT key FROM revision WHERE kind = 'rule' AND value ? 'group by')),"
        " (SELECT md5(string_agg(concat_ws('|', name, title, coalesce(river, '-'), commune), ';'"
        "  ORDER BY name)) FROM site),"
        " (SELECT md5(string_agg(concat_ws('|', name, title, site), ';' ORDER BY name))"
        "  FROM device_group),"
        " (SELECT md5(string_agg(concat_ws('|', code, name), ';' ORDER BY code)) FROM area"
        "  WHERE kind = 'commune')"
    ).fetchone()
    return list(row or ())


def _read_revisions(connection: Connection, kind: str, what: str) -> dict[str, list[_Dated]]:
    """(effective, value) of each key, oldest first."""
    rows = connection.execute(
        f"SELECT key, effective, {what} FROM revision WHERE kind = %s ORDER BY key, effective, id",  # noqa: S608  constants
        [kind],
    )
    revisions: dict[str, list[_Dated]] = {}
    for key, effective, value in rows:
        revisions.setdefault(key, []).append((micros(effective), value))
    return revisions


def _value_at(revisions: list[_Dated], time: int) -> Any:
    """The value in force at a time; None: none, or withdrawn."""
    return next((value for since, value in reversed(revisions) if since <= time), None)
