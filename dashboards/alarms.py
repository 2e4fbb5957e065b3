"""Alarms and what they ask of the room, with the targets of EEMUA 191 drawn."""

from dashboards import _alarms_load, _alarms_now, _alarms_often
from dashboards._describe import Dashboard
from dashboards._words import Text

DASHBOARD = Dashboard(
    key="alarms",
    title=Text(en="Alarms and load", fr="Alarmes et charge"),
    about=Text(
        en="What stands and waits for somebody; how many alarms came before the operators, against"
        " the targets of EEMUA 191; what comes too often; how long it took until somebody"
        " answered.",
        fr="Ce qui est en cours et attend quelqu'un ; combien d'alarmes se sont présentées aux"
        " opérateurs, au regard des repères d'EEMUA 191 ; ce qui revient trop souvent ; en combien"
        " de temps on a répondu.",
    ),
    annotations=False,  # the whole dashboard is about them
    panels=(_alarms_now.SECTION, _alarms_load.SECTION, _alarms_often.SECTION),
)
