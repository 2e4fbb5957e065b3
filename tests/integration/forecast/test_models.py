"""Models of stored readings are revisions, withdrawn where they no longer pass."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from hypervisor.backtest.sources import StoredSource
from hypervisor.base.instants import BEGINNING, micros, moment
from hypervisor.bench.forecast import BRIDGE, HOUR, MILL, make_river
from hypervisor.database.connect import Connection, connect
from hypervisor.forecast import service
from hypervisor.forecast.record import Record, stored_record
from hypervisor.readings import queries as reading_queries
from hypervisor.registry import queries as registry_queries
from hypervisor.registry.changes import Changes
from hypervisor.registry.model import Device, Revision, Series, Site
from sensors._domain import catalogue
from sensors._row import NEVER, ROW
from tests import command_line
from tests.integration.evaluation.world import DAY

pytestmark = pytest.mark.integration

RIVER = make_river(0.4)
START = micros(DAY)
END = START + int(RIVER.tracks[MILL].time[-1])


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    made = connect(database_url)
    names = [MILL.site, BRIDGE.site]
    link = Revision(
        kind="link",
        key="bridge>mill",
        value={"travel_s": 10_800},
        effective=moment(BEGINNING),
        author="test",
        reason="test",
    )
    registry_queries.write(
        made,
        Changes(
            sites=tuple(Site(name=name, title=name.title(), domain="flood") for name in names),
            devices=tuple(Device(name=name, site=name, commissioned=DAY) for name in names),
            series=tuple(Series(device=name, quantity="discharge") for name in names),
            revisions=(link,),
        ),
    )
    registry = registry_queries.load(made)
    for key in (MILL, BRIDGE):
        track = RIVER.tracks[key]
        rows = np.zeros(len(track.time), dtype=ROW)
        rows["series"] = registry.series[key.site, "discharge"].id
        rows["time"], rows["value"], rows["received"] = track.time + START, track.value, NEVER
        reading_queries.create_staging_tables(made)
        reading_queries.store(made, rows)
    made.commit()
    yield made
    made.close()


def run(database_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> str:
    monkeypatch.setenv("HYPERVISOR_DATABASE_URL", database_url)
    result = command_line.run("--data", folder, "forecast", *words)
    assert result.exit_code == 0, result.output
    return result.stdout


def stored(connection: Connection) -> Record:
    source = StoredSource(connection=connection, floor=0, gaps=(), closings={})
    return stored_record(source, registry_queries.load(connection), catalogue(), sites=["mill"])


@pytest.mark.usefixtures("connection")
def test_what_is_stored_is_fitted_and_shown(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = moment(END).isoformat()
    words = ["--site", "mill", "--horizons", "3h", "--effective", last, "--author", "ada"]
    fitted = run(database_url, tmp_path, monkeypatch, "fit", *words)
    assert "mill/discharge" in fitted
    assert "shown: 3 h" in fitted
    (line,) = run(
        database_url, tmp_path, monkeypatch, "show", "mill", "--at", last, "--json"
    ).splitlines()
    shown = json.loads(line)
    assert (shown["author"], shown["horizons"][0]["horizon_s"]) == ("ada", 10_800)
    assert len(shown["horizons"][0]["values"]) == len(shown["levels"])
    assert "in     3 h:" in run(database_url, tmp_path, monkeypatch, "show", "mill", "--at", last)


def test_a_model_is_a_revision_until_it_no_longer_passes(connection: Connection) -> None:
    fitted = service.fit_record(
        stored(connection), effective=END, author="ada", horizons=(3 * HOUR,)
    )
    assert [each.key for each in fitted] == ["mill/discharge"]
    (key,) = service.save_models(
        connection, fitted, effective=moment(END), author="ada", reason="first"
    )
    registry = registry_queries.load(connection)
    assert service.models_in_force(registry, moment(END) - timedelta(hours=1)) == {}
    revision, model = service.models_in_force(registry, moment(END))[key]
    assert (revision.author, revision.reason) == ("ada", "first")
    assert model == fitted[0].model
    assert json.loads(json.dumps(dict(model.skill)))["learned_from_gauges"] == 1
    issued = service.issue_last(model, stored(connection), END)
    assert issued is not None
    assert issued.tier.tolist() == [0]
    assert issued.times.tolist() == [END]

    later = moment(END) + timedelta(days=1)
    closed = [replace(fitted[0], model=None)]
    service.save_models(connection, closed, effective=later, author="ada", reason="no longer")
    registry = registry_queries.load(connection)
    assert service.models_in_force(registry, later) == {}
    assert key in service.models_in_force(registry, moment(END))
    audits = connection.execute("SELECT reason FROM audit WHERE kind = 'forecast-fit' ORDER BY id")
    assert [reason for (reason,) in audits] == ["first", "no longer"]
