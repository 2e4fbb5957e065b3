"""A database in which a week has happened, to a small part of the territory; once a session."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from hypervisor.accounts import readers
from hypervisor.database import databases
from hypervisor.database.connect import connect
from hypervisor.grafana.sample_data import fill_database
from tests.conftest import TEMPLATE, Stack
from tests.integration.grafana.sample import Sample, thin_inventory

SKIPPED = 140.0  # h of the story that nothing but the roll-ups' length would gain by


@dataclass(frozen=True, kw_only=True)
class Week:
    """Where it is, when it ends, and as whom it is read."""

    url: str
    ends: datetime
    reader: str
    tenant: str  # of one EPCI
    care: str  # of everything, homes as well


@pytest.fixture(scope="session")
def week(stack: Stack) -> Iterator[Week]:
    name = f"week_{os.urandom(4).hex()}"
    databases.create(stack.maintenance_url, name, template=TEMPLATE)
    url = stack.database.url(name)
    inventory = thin_inventory(Sample(each=3, lamps=4))
    ends = fill_database(url, inventory=inventory, after=SKIPPED, piece=timedelta(hours=1))
    yield Week(
        url=url,
        ends=ends,
        reader=_reader(url, name),
        tenant=_reader(url, name, EPCI),
        care=_reader(url, name, personal=True),
    )
    databases.drop(stack.maintenance_url, name)


EPCI = "200056232"  # Paris-Saclay


def _reader(url: str, name: str, area: str | None = None, *, personal: bool = False) -> str:
    kind = "care" if personal else "tenant" if area else "all"
    role, password = f"{name}_{kind}", os.urandom(12).hex()
    with connect(url) as connection:
        made = readers.add_reader(connection, role, password, area=area, personal=personal)
        connection.commit()
    return url.replace(url.split("@", maxsplit=1)[0], f"postgresql://{made.role}:{password}")
