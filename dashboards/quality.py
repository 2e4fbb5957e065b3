"""Data quality and ingest: received, missing and suspect readings, interruptions."""

from dashboards import _quality_ingest, _quality_now
from dashboards._describe import Dashboard
from dashboards._words import Text

DASHBOARD = Dashboard(
    key="quality",
    title=Text(en="Data quality and ingest", fr="Qualité des données et ingestion"),
    about=Text(
        en="Whether the other dashboards can be trusted: received and missing readings, silent and"
        " doubtful devices, dead letters, interruptions of ingest.",
        fr="Peut-on se fier aux autres tableaux : mesures reçues et manquantes, appareils muets ou"
        " douteux, messages refusés, interruptions de l'ingestion.",
    ),
    annotations=False,  # equipment's alarms stand in the dashboards of their domains
    panels=(_quality_now.SECTION, _quality_ingest.DEVICES_SECTION, _quality_ingest.SECTION),
)
