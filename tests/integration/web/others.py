"""What the Zorn's EPCI has of everything: accounts of the Orge's may neither see nor change it."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from hypervisor.access import queries as access_queries
from hypervisor.access import queries_tokens, secrets
from hypervisor.alarms import service_list
from hypervisor.alarms.lifecycle import ActKind
from hypervisor.alarms.service import Act, perform
from hypervisor.database import audit
from hypervisor.publications.model import FrenchWords, WarningContent
from tests.integration.evaluation.world import Sent, World
from tests.integration.web.conftest import SOUTH, YVETTE
from tests.integration.web.served import NOW, session

READING = 4.777  # metres, that nobody else measured
SECRET = "a word of the south"

_SAID: dict[str, Any] = {
    "reason": "some reason",
    "from": "2024-01-01T00:00:00Z",
    "to": "2024-01-02T00:00:00Z",
}
NOWHERE: dict[str, Any] = {
    **_SAID,
    **dict.fromkeys(("site", "device", "owner", "subject", "name", "group"), "nosuch"),
    **dict.fromkeys(("number", "alarm", "incident", "about", "from_alarm", "event"), 999_999),
    **dict.fromkeys(("area", "code", "commune"), "99999"),
    "quantity": "level",
    "key": "nosuch/alert",
    "rule": "flood-nosuch",
    "source": "october-flood",
    "topic": "devices/nosuch/readings",
    "/admin/inventory kind": "site",
    "/admin/inventory key": "nosuch",
    "/admin/inventory what": "sites",
    "/sensorthings path": "Things('nosuch')/Datastreams",
    "/features name": "sites",
    "/features identifier": "nosuch",
    "/exports form": "csv",
    "/cap identifier": "nosuch",
}


def settle(world: World) -> dict[str, Any]:
    """Make them; what stands for each parameter."""
    connection = world.connection
    world.store([Sent(site="zorn", at=20, value=READING)])
    world.beat(25)
    world.settle()
    (alarm,) = _one(
        world, "SELECT a.id FROM alarm a JOIN site s ON s.id = a.site WHERE s.name = 'zorn'"
    )
    perform(
        connection,
        Act(alarm=alarm, kind=ActKind.COMMENT, author="sud", reason=SECRET),
        now=NOW,
    )
    service_list.refresh_incidents(connection)
    (incident,) = _one(world, "SELECT incident FROM incident_alarm WHERE alarm = %s", alarm)
    connection.execute(
        "INSERT INTO asset (name, title, kind, commune) VALUES ('zorn-road', %s, 'road', %s)",
        [SECRET, YVETTE],
    )
    works = {"begins": "2024-01-01T00:00:00Z", "ends": "2024-02-01T00:00:00Z", "sites": ["zorn"]}
    connection.execute(
        "INSERT INTO revision (kind, key, value, effective, author, reason)"
        " VALUES ('works', 'zorn-works', %s, '1970-01-01', 'sud', %s)",
        [Jsonb(works), SECRET],
    )
    (letter,) = _one(
        world,
        "INSERT INTO dead_letter (topic, payload, reason, detail, received_at, worker)"
        " VALUES ('devices/zorn/readings', '{}', 'not-json', %s, now(), 'one') RETURNING id",
        SECRET,
    )
    (entry,) = _one(
        world,
        "INSERT INTO log_entry (at, author, kind, text, area) VALUES (%s, 'sud', 'note', %s, %s)"
        " RETURNING id",
        NOW,
        SECRET,
        SOUTH,
    )
    (file,) = _one(
        world,
        "INSERT INTO attachment (entry, name, media, digest, content)"
        " VALUES (%s, 'plan.txt', 'text/plain', 'x', %s) RETURNING id",
        entry,
        SECRET.encode(),
    )
    (handover,) = _one(
        world,
        "INSERT INTO handover (area, begins, offered_at, offered_by, note, page, digest)"
        " VALUES (%s, %s, %s, 'sud', %s, '{}', 'x') RETURNING id",
        SOUTH,
        NOW,
        NOW,
        SECRET,
    )
    (event,) = _one(
        world,
        "INSERT INTO past_event (site, kind, begins, ends, note, author)"
        " VALUES ((SELECT id FROM site WHERE name = 'zorn'), 'overflow', %s, %s, %s, 'sud')"
        " RETURNING id",
        NOW,
        NOW,
        SECRET,
    )
    (publication,) = _one(
        world,
        "INSERT INTO publication (status, communes) VALUES ('Exercise', %s) RETURNING id",
        [YVETTE],
    )
    content = WarningContent(
        hazard="flood",
        severity="major",
        response="Avoid",
        areas=(YVETTE,),
        expires=NOW + timedelta(hours=12),
        fr=FrenchWords(headline=SECRET, description=SECRET),
    ).model_dump_json()
    commune = {"code": YVETTE, "name": "Zorn-le-Bourg"}
    area = {**commune, "kind": "commune", "communes": [commune]}
    connection.execute(
        "INSERT INTO publication_event (publication, number, act, kind, at, author, reason,"
        " content, areas) VALUES (%s, 1, 'draft', 'Alert', %s, 'sud', %s, %s, %s)",
        [publication, NOW, SECRET, content, Jsonb([area])],
    )
    order = _make_order(world)
    command = _make_command(world)
    proposal = _make_proposal(world, alarm)
    done = audit.record(
        connection,
        kind="invalidate",
        subject="zorn/level",
        reason=SECRET,
        author="sud",
        details={"from": "2024-01-01T00:00:00Z", "to": "2024-01-01T00:01:00Z"},
    )
    connection.commit()
    session(world.url, "sud", (("operator", SOUTH),))
    token = queries_tokens.insert_token(
        connection,
        account=access_queries.get_account(connection, "sud").id,
        secret=secrets.digest("x"),
        prefix="hyp_sud",
        name=SECRET,
        scopes=[],
        created_at=NOW,
        ends_at=NOW.replace(year=2025),
    )
    connection.commit()
    return {
        **_SAID,
        **dict.fromkeys(("site", "device", "owner", "subject", "name", "sites", "devices"), "zorn"),
        **dict.fromkeys(("area", "code"), SOUTH),
        "commune": YVETTE,
        "quantity": "level",
        "key": "zorn/alert",
        "rule": "flood-high",
        "topic": "devices/zorn/readings",
        "alarm": alarm,
        "incident": incident,
        "about": entry,
        "thresholds": {},
        "/api/v1/alarms number": alarm,
        "/api/v1/alarms source": None,
        "/api/v1/hooks kind": "alertmanager",
        "/alarms number": alarm,
        **dict.fromkeys(("/api/v1/incidents number", "/incidents number"), incident),
        **dict.fromkeys(("/api/v1/attachments number", "/attachments number"), file),
        "/api/v1/dead-letters number": letter,
        "/api/v1/log number": entry,
        "/log number": entry,
        "/api/v1/handovers number": handover,
        "/handover number": handover,
        "/api/v1/readings number": done,
        "/api/v1/audit number": done,
        "/sensorthings path": "Things('zorn')/Datastreams",
        "/features name": "sites",
        "/features identifier": "zorn",
        "/exports form": "csv",
        **dict.fromkeys(("/api/v1/publications number", "/publications number"), publication),
        **dict.fromkeys(("/api/v1/interventions number", "/interventions number"), order),
        **dict.fromkeys(("/api/v1/field number", "/field number"), order),
        "event": 3,  # its photograph
        **dict.fromkeys(("/api/v1/interventions key", "/api/v1/field key"), str(UUID(int=7))),
        **dict.fromkeys(("/api/v1/commands key", "/api/v1/commands batch"), command),
        "/commands key": command,
        "/api/v1/interventions command": command,
        **dict.fromkeys(
            ("/api/v1/proposed-commands number", "/proposed-commands number"), proposal
        ),
        **dict.fromkeys(("/api/v1/commands target", "/commands target"), "device/zorn"),
        "/api/v1/commands kind": "dim",
        "/api/v1/commands parameters": {"level": 40},
        "/cap identifier": "zorn-1-1",
        "/api/v1/auth/tokens number": token,
        "/api/v1/past-events number": event,
        "/thresholds number": event,
        "/account/tokens number": token,
        "/admin/tokens number": token,
        **dict.fromkeys(("/account/tokens scope", "/admin/tokens scope"), "read"),
        "/admin/accounts name": "sud",
        "/admin/devices name": "zorn",
        "/admin/works name": "zorn-works",
        "/admin/inventory kind": "site",
        "/admin/inventory key": "zorn",
        "/admin/inventory what": "sites",
        "/quality/letters number": letter,
        "/api/v1/assets name": "zorn-road",
        "/api/v1/works name": "zorn-works",
        "/api/v1/accounts name": "sud",
        # Exercises are of the whole instance: everybody knows of them.
        "source": "october-flood",
        "/api/v1/exercises number": 999_998,
        "/exercises number": 999_998,
    }


def _make_command(world: World) -> str:
    """A command to the Zorn's device that waits for its second signature."""
    (command,) = _one(
        world,
        "INSERT INTO command (id, batch, kind, parameters, actuator, device, site, target, author,"
        " reason, signatures, within, drafted_at, valid_until, changed_at)"
        " SELECT %s, %s, 'dim', %s, 'light', id, site, 'device/zorn', 'sud', %s, 2, '1 min', %s,"
        " %s, %s FROM device WHERE name = 'zorn' RETURNING id",
        *(UUID(int=9), UUID(int=9), Jsonb({"level": 40}), SECRET),
        *(NOW, NOW + timedelta(days=36_500), NOW),
    )
    return str(command)


def _make_proposal(world: World, alarm: int) -> int:
    """What a rule proposes to the Zorn's device."""
    (proposal,) = _one(
        world,
        "INSERT INTO command_proposal (alarm, rule, kind, parameters, target, site, automatic,"
        " proposed_at) SELECT %s, %s, 'dim', %s, 'device/zorn', site, false, %s FROM device"
        " WHERE name = 'zorn' RETURNING id",
        *(alarm, SECRET, Jsonb({"level": 40}), NOW),
    )
    return int(proposal)


def _make_order(world: World) -> int:
    """A work order of a team of the Zorn's."""
    (team,) = _one(
        world,
        "INSERT INTO team (name, title, area, communes) VALUES ('zorn', %s, %s, %s) RETURNING id",
        *(SECRET, SOUTH, [YVETTE]),
    )
    (order,) = _one(
        world,
        "INSERT INTO intervention (title, description, priority, site, commune, opened_at)"
        " VALUES (%s, %s, 'high', (SELECT id FROM site WHERE name = 'zorn'), %s, %s) RETURNING id",
        *(SECRET, SECRET, YVETTE, NOW),
    )
    for number, act in enumerate(("create", "assign"), 1):
        world.connection.execute(
            "INSERT INTO intervention_event (intervention, number, act, state, at, noted_at,"
            " author, team, text) VALUES (%s, %s, %s, '', %s, %s, 'sud', %s, %s)",
            [order, number, act, NOW, NOW, team, SECRET],
        )
    world.connection.execute(
        "INSERT INTO intervention_event (intervention, number, act, state, at, noted_at, author)"
        " VALUES (%s, 3, 'observe', '', %s, %s, 'sud')",
        [order, NOW, NOW],
    )
    world.connection.execute(
        "INSERT INTO intervention_photo (intervention, number, taken_at, width, height, digest,"
        " content) VALUES (%s, 3, %s, 1, 1, 'x', %s)",
        [order, NOW, SECRET.encode()],
    )
    return int(order)


def _one(world: World, query: str, *said: Any) -> tuple[Any, ...]:
    row = world.connection.execute(query.encode(), list(said)).fetchone()
    assert row is not None
    return tuple(row)
