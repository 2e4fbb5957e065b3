"""A small territory of all domains: a device of each model, and a few to be compared with."""

from dataclasses import replace
from datetime import time, timedelta

from hypervisor.exercises.territory import describe_codecs
from ingest.library import list_shipped
from sensors._domain import Domain, catalogue
from sensors._plan import LightingPlan, Spell
from sensors._quantity import Reporting
from simulators._field import Asset, Field, Group, Place

KNOWN = catalogue()
CODECS = describe_codecs(list_shipped(), KNOWN)
LORA, PARTNER, HUB = ("lora", "chirpstack"), ("partner", "the-things-stack"), ("hub", "native")
SPEAKERS = {
    "tipping-bucket": LORA,
    "air-probe": PARTNER,
    "radar-counter": PARTNER,
    "lamp-controller": HUB,
}
PLAN = LightingPlan(
    on_after=timedelta(minutes=10),
    off_after=timedelta(minutes=-10),
    spells=(Spell(begins=time(1), ends=time(5), level=0.0),),
)
ROAD = {"free_speed": 90.0, "jam_speed": 35.0, "jam_occupancy": 32.0, "capacity": 3600.0}
GAUGES = (("above", 110.0, ()), ("below", 240.0, (("above", 3 * 3600.0),)))


def place(model: str, number: int = 1, **more: object) -> Place:
    """A device of a model, told as often as the catalogue says."""
    gateway, protocol = SPEAKERS.get(model, LORA if KNOWN.models[model].frame else ("", ""))
    quantities = {name: KNOWN.quantities[name] for name in KNOWN.models[model].quantities}
    changing = {n for n, each in quantities.items() if each.reporting is Reporting.ON_CHANGE}
    made = Place(
        device=f"{model}-{number}",
        site=f"at-{model}-{number}",
        domain=next(
            domain.name
            for domain in KNOWN.domains.values()
            if model in {each.name for each in domain.models}
        ),
        model=model,
        gateway=gateway,
        protocol=protocol,
        address=f"02{sum(model.encode()):04x}{number:010x}" if gateway else "",
        codec=CODECS.get(model),
        lon=2.2 + 0.01 * number,
        lat=48.65,
        quantities={name: each.interval.total_seconds() for name, each in quantities.items()},
        on_change=frozenset(changing),
    )
    return replace(made, **more)  # type: ignore[arg-type]  # the fields are a place's own


def places() -> tuple[Place, ...]:
    """One of each model at least, and one of each domain that has no model."""
    made = described()
    models = {each.model for each in made}
    return (
        *made,
        *(place(model) for model in KNOWN.models if model not in models),
        *(whole(domain) for domain in KNOWN.domains.values() if not domain.models),
    )


def whole(domain: Domain) -> Place:
    """A device that measures everything of a domain."""
    return Place(
        device=f"{domain.name}-1",
        site=f"at-{domain.name}-1",
        domain=domain.name,
        lon=2.21,
        lat=48.65,
        river="Yvette",
        quantities={each.name: each.interval.total_seconds() for each in domain.quantities},
        on_change=frozenset(
            each.name for each in domain.quantities if each.reporting is Reporting.ON_CHANGE
        ),
    )


def described() -> tuple[Place, ...]:
    """The devices whose places say more than their models."""
    rain = {"rain": 3600.0, "battery": 3600.0}
    lit = {"plan": PLAN, "site": "cabinet", "groups": ("lamps",)}
    return (
        *(
            place(
                "rated-gauge",
                number,
                site=site,
                river="Yvette",
                upstream=upstream,
                quantities={"level": 900.0, "discharge": 900.0, "surface_elevation": 900.0},
                thresholds={"attention": 1.2, "alert": 1.6, "danger": 2.2},
                properties={"catchment_km2": area, "zero_ngf_m": 48.0},
            )
            for number, (site, area, upstream) in enumerate(GAUGES)
        ),
        place("radar-gauge", river="Orge", properties={"catchment_km2": 110.0}),
        place("pressure-probe", river="Juine", properties={"catchment_km2": 480.0}),
        place("hubeau-station", river="Yerres", properties={"catchment_km2": 900.0}),
        place("areal-rain", river="Yvette"),
        place("basin-probe", river="Yvette", properties={"volume_m3": 200_000}),
        place("vigilance-bulletin", river="Yvette"),
        place("synoptic-station", 1),
        place("synoptic-station", 2),
        place("compact-station"),
        place("air-probe"),
        place("tipping-bucket", quantities=rain, on_change=frozenset({"rain"})),
        *(place("lamp-controller", number, **lit) for number in range(3)),
        *(place("lamp-node", number, **lit, switched=True) for number in range(3)),
        place("cabinet-controller", site="cabinet"),
        *(place("loop-station", number, thresholds=ROAD) for number in range(3)),
        place("radar-counter", thresholds=ROAD),
        place("bicycle-counter"),
        place("path-counter"),
    )


def field() -> Field:
    """The territory: its devices, a cabinet with its lamps, a road with its loops, two assets."""
    every = places()
    return Field(
        places=every,
        groups=(
            Group(
                name="lamps",
                kind="cabinet",
                site="cabinet",
                members=tuple(each.device for each in every if each.groups == ("lamps",)),
            ),
            Group(
                name="road",
                kind="section",
                members=tuple(each.device for each in every if each.model == "loop-station"),
            ),
        ),
        assets=(
            Asset(name="box", kind="cabinet", gauge="below", level=1.3, site="cabinet"),
            Asset(name="school", kind="school", gauge="above", level=9.0),
        ),
    )
