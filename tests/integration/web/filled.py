"""A database with something of everything that the API tells of."""

from hypervisor.base.instants import EPOCH, micros
from hypervisor.database import audit
from hypervisor.readings import queries_dead_letters
from hypervisor.registry import queries as registry_queries
from hypervisor.registry.changes import Changes
from hypervisor.registry.model import Asset, Revision, Zone
from ingest.message import NewDeadLetter
from tests.integration.evaluation.world import DAY, World

SQUARE = [[[2.3, 48.5], [2.4, 48.5], [2.4, 48.6], [2.3, 48.5]]]


def fact(kind: str, key: str, value: dict[str, object]) -> Revision:
    return Revision(kind=kind, key=key, value=value, effective=EPOCH, author="test", reason="test")


def fill(world: World) -> None:
    """Assets, a zone, a link, works, dead letters and an act, beside the gauges in alarm."""
    registry_queries.write(
        world.connection,
        Changes(
            zones=(
                Zone(
                    name="meadows",
                    title="Meadows",
                    kind="flood",
                    geometry={"type": "Polygon", "coordinates": SQUARE},
                ),
            ),
            assets=(
                Asset(
                    name="school",
                    title="School",
                    kind="school",
                    geometry={"type": "Point", "coordinates": [2.3, 48.5]},
                ),
                Asset(name="road", title="Road", kind="road"),
            ),
            revisions=(
                fact("reach", "school", {"gauge": "orge", "level": 4.0, "unit": "m"}),
                fact("link", "orge>yvette", {"travel_s": 3600}),
                fact(
                    "works",
                    "weir",
                    {
                        "begins": "2023-12-31T00:00:00Z",
                        "ends": "2024-01-05T00:00:00Z",
                        "sites": ["yvette"],
                        "devices": [],
                        "groups": [],
                    },
                ),
            ),
        ),
    )
    letters = [
        NewDeadLetter(
            topic=f"devices/orge/{number}",
            payload=payload,
            reason=reason,
            detail="nothing that we read",
            received_at=micros(DAY) + number,
            again=False,
        )
        for number, (payload, reason) in enumerate(
            [(b"{", "not-json"), (b"\xff\x00", "not-json"), (b'{"levle": 1}', "unknown-quantity")]
        )
    ]
    queries_dead_letters.store_letters(world.connection, letters, "one")
    audit.record(
        world.connection, kind="invalidate", subject="orge/level", reason="ice", author="anne",
        details={"from": "2024-01-01T00:00:00Z", "to": "2024-01-01T00:05:00Z"},
    )  # fmt: skip
    world.connection.commit()
