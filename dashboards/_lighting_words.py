"""Public lighting: the words and colours of its states, and the figures that its rules share.

The figures are settings of practice, without a source: the rule pack has the same.
"""

from dashboards._colours import BLUE, GREEN, GREY, ORANGE, RED, VIOLET, State, scale
from dashboards._field_alarms import AMBER, QUIET
from dashboards._sql import EVERY, SINCE, UNTIL, territory
from dashboards._words import Text

SLATE = "#5f7186"  # dark as it shall be: quieter than any state that wants somebody

# A cabinet by its power and its plan (the function lit_state), the worst first.
CABINET = (
    State("dark-off-plan", Text("dark, should be lit", "éteinte, devrait éclairer"), RED, "■"),
    State("missing", Text("part of the light missing", "éclairage partiel"), ORANGE, "◆"),
    State("lit-off-plan", Text("lit beyond its plan", "allumée hors plan"), AMBER, "▲"),
    State("silent", Text("silent", "muette"), VIOLET, "✕"),
    State("unknown", Text("no plan known", "sans plan"), GREY, "?"),
    State("lit", Text("lit as planned", "allumée, conforme"), GREEN, "●"),
    State("dark", Text("dark as planned", "éteinte, conforme"), SLATE, "○"),
)
LAMP = (
    State("lamp-dark", Text("lamp dark, should burn", "point lumineux éteint"), RED, "■"),
    State("lamp-unfed", Text("lamp without supply", "point lumineux non alimenté"), RED, "□"),
    State("lamp-silent", Text("lamp silent", "point lumineux muet"), VIOLET, "✕"),
    State("lamp-fault", Text("lamp tells a fault", "défaut signalé"), ORANGE, "◆"),
    State("lamp-lit", Text("lamp lit by day", "point lumineux allumé de jour"), AMBER, "▲"),
)
SIGNAL = (
    State("leakage", Text("earth leakage", "défaut d'isolement"), RED, "■"),
    State("supply", Text("supply lost (grid)", "alimentation perdue (réseau)"), ORANGE, "◆"),
    State("contactor", Text("contactor (ours)", "contacteur (exploitant)"), AMBER, "▲"),
    State("door", Text("door open", "porte ouverte"), BLUE, "◇"),
    State("fine", Text("nothing to report", "rien à signaler"), SLATE),
)

AVAILABLE = scale(RED, (95, ORANGE), (98, GREEN))
RATIO = scale(  # % of what the plan expects: the rules' three fifths, and three tenths more
    GREY, (0, RED), (60, ORANGE), (85, QUIET), (115, AMBER), (130, ORANGE)
)

# The chosen cabinets, and their lamps, at the end of the time asked.
CABINETS_NOW = f"SELECT c.* FROM lit_now({UNTIL}) c WHERE {territory('c')}"
LAMPS_NOW = (
    f"SELECT l.*, site.name AS site_name FROM lit_lamps({UNTIL}) l"
    f" JOIN site ON site.id = l.site WHERE {territory()}"
)
COURSE = f"lit_course({SINCE}, {UNTIL}, lit_every({EVERY}))"
SHORT = "regexp_replace(c.title, '^Armoire ', '')"  # lanes have little room for names
STATE = "lit_state(c.power, c.low, c.high, c.installed)"

# Energy is reckoned hour by hour up to two months, day by day beyond; of whole local days.
ZONE = "(SELECT timezone FROM instance)"
FIRST_DAY = f"date_trunc('day', {SINCE}, {ZONE})"
PIECE = (
    f"CASE WHEN {UNTIL} - {SINCE} > interval '62 days' THEN interval '1 day'"
    " ELSE interval '1 hour' END"
)
ENERGY = f"lit_course({FIRST_DAY}, {UNTIL}, {PIECE})"
HOURS = f"extract(epoch FROM {PIECE})::float8 / 3600"
# Beyond its plan: what is drawn while the plan has it dark; of a whole day, what exceeds the plan.
BEYOND = (
    "CASE WHEN c.high = 0 AND c.power > c.installed * 0.15 THEN c.power"
    f" WHEN {PIECE} >= interval '1 day' AND c.power > c.high * 1.15 + c.installed * 0.02"
    " THEN c.power - c.high ELSE 0 END"
)
