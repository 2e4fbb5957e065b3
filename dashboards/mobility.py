"""Mobility: where traffic jams, how detectors do, bicycles, closures."""

from dashboards._describe import Dashboard
from dashboards._mobility_flow import ACTIVE
from dashboards._mobility_flow import SECTION as FLOW
from dashboards._mobility_health import HEALTH, STANDING
from dashboards._mobility_now import PANELS as NOW
from dashboards._words import Text

DASHBOARD = Dashboard(
    key="mobility",
    title=Text(en="Mobility", fr="Mobilité"),
    about=Text(
        en="Congestion, flow, speed and occupancy by section, bicycles against their weekday,"
        " detector validity, closures.",
        fr="Congestion, débit, vitesse et taux d'occupation par section, vélos et même jour de"
        " semaine, validité des capteurs, fermetures.",
    ),
    domains=("mobility",),
    panels=(*NOW, FLOW, ACTIVE, HEALTH, STANDING),
)
