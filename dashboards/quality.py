"""Data quality and ingest: what comes, what is missing, what nothing believes, who is deaf."""

from dashboards import _quality_ingest, _quality_now
from dashboards._describe import Dashboard
from dashboards._words import Text

DASHBOARD = Dashboard(
    key="quality",
    title=Text(en="Data quality and ingest", fr="Qualité des données et ingestion"),
    about=Text(
        en="Whether what the other dashboards show can be believed: readings that came and that are"
        " missing, silent and doubtful devices, letters that were refused, when we did not listen.",
        fr="Peut-on croire ce que montrent les autres tableaux : mesures reçues et manquantes,"
        " appareils muets ou douteux, messages refusés, moments où nous n'écoutions pas.",
    ),
    annotations=False,  # equipment's alarms stand in the dashboards of their domains
    panels=(_quality_now.SECTION, _quality_ingest.DEVICES_SECTION, _quality_ingest.SECTION),
)
