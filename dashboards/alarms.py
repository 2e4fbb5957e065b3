"""Alarms and what they ask of the room, with the targets of EEMUA 191 drawn."""

from dashboards import _alarms_load, _alarms_now, _alarms_often, _commands, _interventions
from dashboards._describe import Dashboard
from dashboards._words import Text

DASHBOARD = Dashboard(
    key="alarms",
    title=Text(en="Alarms and load", fr="Alarmes et charge"),
    about=Text(
        en="Active alarms and alarms to acknowledge; the alarm rate against the targets of EEMUA"
        " 191; frequent alarms; time to acknowledge; work orders; commands to devices.",
        fr="Alarmes actives et à acquitter ; taux d'alarmes au regard des repères d'EEMUA 191 ;"
        " alarmes fréquentes ; délais d'acquittement ; interventions ; commandes aux équipements.",
    ),
    annotations=False,  # the whole dashboard is about them
    panels=(
        _alarms_now.SECTION,
        _alarms_load.SECTION,
        _alarms_often.SECTION,
        _interventions.SECTION,
        _commands.SECTION,
    ),
)
