"""A database on which the October flood has come half-way: simulated, stored, judged for real."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from hypervisor.base.instance import Instance, Mode
from hypervisor.base.instants import BEGINNING
from hypervisor.database import feed
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import Connection, connect
from hypervisor.evaluation import pack_revisions as shipped_rules
from hypervisor.evaluation.batch import Setup, load_memory, step
from hypervisor.exercises import queries as exercise_queries
from hypervisor.exercises.plan import load_field
from hypervisor.feeds import communes
from hypervisor.readings import queries as reading_queries
from hypervisor.readings import queries_workers
from hypervisor.registry import queries as registry_store
from hypervisor.registry.apply import apply_inventory
from hypervisor.registry.inventory_files import read_sources
from rules._pack import packs as shipped
from sensors._domain import catalogue
from sensors._row import ROW
from simulators._scenarios import load_scenario
from simulators._simulation import simulate_rows

_INVENTORY = Path(__file__).parents[2] / "hypervisor" / "examples" / "essonne"
_LAMPS = "lamps.csv"  # 1,200 of them: a page has no more to show, a test much to wait for
_HOURS, _KEPT, _OTHERS = 60, 26, 5  # played; stored of rivers and weather; of the rest
_LOST, _LOST_HOURS = "orge-arpajon", 3  # the gauge that falls silent at the end


def make(url: str) -> None:
    """Fill a migrated database: everything but lamps, a day and more, up to the crest upstream."""
    with connect(url) as connection:
        instance_store.create(connection, Instance(mode=Mode.EXERCISE, name="Essonne"))
        files = sorted(_INVENTORY.iterdir())
        inventory = read_sources(
            [
                str(file)
                for file in files
                if file.name != _LAMPS and file.suffix in {".yaml", ".csv"}
            ]
        )
        apply_inventory(connection, inventory, author="test", now=None, reason="test")
        communes.store_outlines(connection, communes.read_recorded("91"))
        shipped_rules.record_and_log(connection, shipped(), now=None)
        queries_workers.join(connection, "one")
        connection.commit()
        _speak(connection)
    _judge(url)


def _speak(connection: Connection) -> None:
    story = load_scenario("october-flood")
    rows = simulate_rows(story, load_field(connection, story), 1, hours=_HOURS)
    ends = story.begins + timedelta(hours=_HOURS)
    lost = (rows["device"] == _LOST) & (rows["time"] > ends - timedelta(hours=_LOST_HOURS))
    domains = catalogue().domain_of
    water = rows["quantity"].map(lambda name: domains.get(name) in {"flood", "weather"})
    recent = rows["time"] > ends - timedelta(hours=_OTHERS)
    rows = rows[(rows["time"] > ends - timedelta(hours=_KEPT)) & (water | recent) & ~lost]
    reading_queries.create_staging_tables(connection)
    stands = reading_queries.store(connection, _packed(connection, rows))
    feed.append(connection, "readings", rows=stands.tobytes())
    begins = ends - timedelta(hours=_OTHERS)  # nobody listened before: no device was silent then
    exercise_queries.insert_gap(connection, BEGINNING, int(begins.timestamp()) * 1_000_000)
    connection.commit()
    queries_workers.record_heartbeat(connection, "one", int(ends.timestamp()) * 1_000_000)
    connection.commit()


def _packed(connection: Connection, rows: pd.DataFrame) -> npt.NDArray[np.void]:
    """As ingest stores them, each heard as it was measured."""
    known = {key: one.id for key, one in registry_store.load(connection).series.items()}
    pairs = zip(rows["device"], rows["quantity"], strict=True)
    made = np.zeros(len(rows), dtype=ROW)
    at = rows["time"].astype("int64").to_numpy()  # µs
    columns = (np.array([known[pair] for pair in pairs]), at, at, rows["value"].to_numpy())
    for name, column in zip(ROW.names or (), columns, strict=False):
        made[name] = column
    return made


def _judge(url: str) -> None:
    setup = Setup(
        catalogue=catalogue(),
        mode=Mode.EXERCISE,
        retention=400 * 86_400_000_000,
        clock=lambda: load_scenario("october-flood").begins,
    )
    with connect(url, autocommit=True) as connection:
        memory = load_memory(connection, setup)
        while step(connection, memory, setup).entries:
            pass
