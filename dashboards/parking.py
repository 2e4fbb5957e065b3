"""Parking, for the operator of car parks: occupancy, counts that drift, signs that lie, faults."""

from dashboards._describe import Dashboard, Section
from dashboards._lanes import alarm_lanes, fault_lanes, health
from dashboards._parking_course import APART, COURSE, SIGN, TRAFFIC
from dashboards._parking_now import MAP
from dashboards._parking_now import PANELS as NOW
from dashboards._words import Text
from sensors.parking import DOMAIN

DASHBOARD = Dashboard(
    key="parking",
    title=Text("Parking", "Stationnement"),
    about=Text(
        en="Occupancy of each car park, its day against its spaces, sensors against barriers, signs"
        " against the free spaces, faults.",
        fr="Occupation de chaque parc, sa journée face à ses places, capteurs face aux barrières,"
        " panneaux face aux places libres, défauts.",
    ),
    domains=("parking",),
    since="now-48h",
    panels=(
        *NOW,
        COURSE,
        MAP,
        Section(
            key="parking-counts",
            title=Text("Do the counts and signs agree?", "Comptages et panneaux concordent-ils ?"),
            panels=(APART, SIGN),
        ),
        Section(
            key="parking-alarms-section",
            title=Text("Traffic, alarms and faults", "Mouvements, alarmes et défauts"),
            panels=(
                TRAFFIC,
                alarm_lanes("parking", height=6),
                fault_lanes("parking", width=24, height=8),
            ),
        ),
        Section(
            key="parking-devices",
            title=Text("Barriers and signs", "Barrières et panneaux"),
            panels=(
                health(
                    DOMAIN,
                    Text("Health of barriers and signs", "Santé des barrières et panneaux"),
                    "vehicles_present",
                    "spaces_shown",
                ),
            ),
        ),
    ),
)
