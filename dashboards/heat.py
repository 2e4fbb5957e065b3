"""District heating, for the engineer of a network: cold buildings, warm returns, leaks, energy."""

from dashboards._describe import Dashboard, Section
from dashboards._heat_course import BUILDINGS, NETWORK
from dashboards._heat_now import PANELS as NOW
from dashboards._lanes import alarm_lanes, fault_lanes, health
from dashboards._words import Text
from sensors.heat import DOMAIN

DASHBOARD = Dashboard(
    key="heat",
    title=Text(en="District heating", fr="Réseaux de chaleur"),
    about=Text(
        en="Substations against their heating curve, return temperatures, energy against degree"
        " days, make-up water and pressure, hot water, meters.",
        fr="Les sous-stations face à leur loi d'eau, températures de retour, énergie et"
        " degrés-jours, appoint et pression, eau chaude, compteurs.",
    ),
    domains=("heat",),
    since="now-48h",
    panels=(
        *NOW,
        NETWORK,
        BUILDINGS,
        Section(
            key="heat-alarms-section",
            title=Text("Alarms", "Alarmes"),
            panels=(alarm_lanes("heat", height=8), fault_lanes("heat", width=24, height=8)),
        ),
        Section(
            key="heat-devices",
            title=Text("Meters and controllers", "Compteurs et régulateurs"),
            panels=(
                health(
                    DOMAIN,
                    Text("Health of meters and controllers", "Santé des compteurs et régulateurs"),
                    "heat_power",
                    "secondary_supply_temperature",
                ),
            ),
        ),
    ),
)
