"""The usual dashboard of an urban function: its quantities over time, its alarms, its faults."""

from dashboards._describe import Dashboard, Panel
from dashboards._lanes import alarm_lanes, fault_lanes
from dashboards._sql import BAR, EVERY, readings
from dashboards._views import TimeSeries
from dashboards._words import Text
from sensors._domain import Domain
from sensors._quantity import Kind, Quantity

# The column of a bucket for each kind of quantity, and its view.
_TEXTS = {
    Kind.GAUGE: ("mean", TimeSeries()),
    Kind.INCREMENT: ("total", TimeSeries(draw="bars", soft_min=0)),
    Kind.COUNTER: ("increase", TimeSeries(draw="bars", soft_min=0)),
    Kind.STATE: ("last", TimeSeries(step=True)),
}


def default_dashboard(domain: Domain) -> Dashboard:
    """A dashboard made of the catalogue alone, for a function that has no better one yet."""
    title = Text(domain.label_en, domain.label_fr)
    return Dashboard(
        key=domain.name,
        title=title,
        about=Text(
            f"{title.en}: what each site measured, its alarms, the faults of its devices.",
            f"{title.fr} : les mesures de chaque site, ses alarmes, les défauts des appareils.",
        ),
        domains=(domain.name,),
        panels=(
            *(_course(domain.name, quantity) for quantity in domain.quantities),
            alarm_lanes(domain.name, height=7),
            fault_lanes(domain.name, width=24, height=7),
        ),
    )


def _course(domain: str, quantity: Quantity) -> Panel:
    column, view = _TEXTS[quantity.kind]
    every = BAR if view.draw == "bars" else EVERY
    return Panel(
        key=f"{domain}-{quantity.name}",
        title=Text(quantity.label_en, quantity.label_fr),
        about=Text(
            f"{quantity.label_en} by site ({quantity.unit}); suspect readings are left out.",
            f"{quantity.label_fr} par site ({quantity.unit}) ; sans les mesures écartées.",
        ),
        view=view,
        quantity=quantity.name,
        sql=f"""
        SELECT bucket.time, site.title AS metric, bucket.{column} AS value
        FROM {readings(quantity.name, every=every)} ORDER BY bucket.time, metric
        """,
        no_value=Text("nothing was measured", "rien n'a été mesuré"),
        empty="no site measured it in the time range",
    )
