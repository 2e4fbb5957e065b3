"""Who may speak, as ingest is told: each device's own channels, its gateway, its codec."""

from datetime import UTC, datetime

from hypervisor.base.instants import micros
from hypervisor.readings.ingest_inventory import build_inventory, list_channels, list_units
from hypervisor.registry.model import Device, Gateway, Registry, Series, Site
from ingest.ports import Channel, CodecSource
from sensors._domain import catalogue

WORDS = catalogue()
BEGUN, RETIRED = datetime(2020, 1, 1, tzinfo=UTC), datetime(2022, 1, 1, 12, tzinfo=UTC)


def device(name: str, **more: object) -> Device:
    return Device(name=name, site="here", commissioned=BEGUN, **more)  # type: ignore[arg-type]


EVERY = (
    device("alone", address="urn:dev:alone", model="pressure-probe"),
    device("Lamp", gateway="hub", address="17", codec="mine", retired=RETIRED),
    device("17", gateway="hub"),
    device("far", gateway="lora", address="A84041FF", properties={"variables": {"k": 1}}),
    device("lost", gateway="unregistered", properties={"variables": "none"}),
)
SERIES = (
    Series(device="alone", quantity="level", id=1),
    Series(device="alone", quantity="battery", id=2, low=5.0, high=50.0, saturates=40.0),
    Series(device="Lamp", quantity="light_level", id=3, low=0.0, high=0.0),
    Series(device="far", quantity="level", id=4),
    Series(device="far", quantity="of-no-domain", id=5),
    Series(device="far", quantity="battery"),  # not stored yet
)
REGISTRY = Registry(
    areas={},
    sites={"here": Site(name="here", title="Here", domain="flood")},
    devices={each.name: each for each in EVERY},
    series={(each.device, each.quantity): each for each in SERIES},
    revisions=(),
    gateways={n: Gateway(name=n, title=n, protocol="native") for n in ("hub", "lora", "idle")},
)


def test_each_device_has_its_own_channels() -> None:
    level, battery, light = (WORDS.quantities[n] for n in ("level", "battery", "light_level"))
    assert list_channels(REGISTRY, WORDS) == {
        "alone": {
            "level": Channel(series=1, unit="m", low=level.low, high=level.high),
            "battery": Channel(series=2, unit="%", low=5.0, high=50.0, saturates=40.0),
        },
        "Lamp": {
            "light_level": Channel(
                series=3, unit=light.unit, low=0.0, high=0.0, retired=micros(RETIRED)
            )
        },
        "17": {},
        "far": {"level": Channel(series=4, unit="m", low=level.low, high=level.high)},
        "lost": {},
    }
    assert (battery.low, battery.high) != (5.0, 50.0)


def test_a_gateway_finds_its_devices_by_address_first() -> None:
    found = build_inventory(REGISTRY, WORDS)
    assert found.gateways == {
        "hub": {"lamp": "Lamp", "17": "Lamp"},  # an address wins over another device's name
        "lora": {"far": "far", "a84041ff": "far"},
        "idle": {},
        "unregistered": {"lost": "lost"},
    }
    assert found.addresses == {"alone": "urn:dev:alone", "Lamp": "17", "far": "A84041FF"}


def test_codecs_models_and_variables() -> None:
    mine = {"mine": CodecSource(mapping="payload: json")}
    found = build_inventory(REGISTRY, WORDS, mine)
    assert found.codecs == {"Lamp": "mine"}
    assert found.models == {"alone": "pressure-probe"}
    assert found.variables == {"far": {"k": 1}}
    assert found.own == mine
    assert build_inventory(REGISTRY, WORDS).own == {}


def test_units_are_the_catalogues() -> None:
    found = list_units(WORDS)
    assert found.keys() == WORDS.quantities.keys()
    assert (found["level"], found["rain"], found["battery"]) == ("m", "mm", "%")
