"""Public lighting: the words and colours of its states, and the figures that its rules share.

The figures are settings of practice, without a source: the rule pack has the same.
"""

from dashboards._colours import BLUE, GREEN, GREY, ORANGE, RED, VIOLET, State, Step
from dashboards._field_alarms import AMBER, QUIET
from dashboards._sql import EVERY, SINCE, UNTIL, territory
from dashboards._words import Text

SLATE = "#5f7186"  # dark as it shall be: quieter than any state that wants somebody

# A cabinet by its power and its plan (the function lit_state), the worst first.
CABINET = (
    State(
        value="dark-off-plan",
        text=Text(en="dark, should be lit", fr="éteinte, devrait éclairer"),
        colour=RED,
        symbol="■",
    ),
    State(
        value="missing",
        text=Text(en="part of the light missing", fr="éclairage partiel"),
        colour=ORANGE,
        symbol="◆",
    ),
    State(
        value="lit-off-plan",
        text=Text(en="lit beyond its plan", fr="allumée hors plan"),
        colour=AMBER,
        symbol="▲",
    ),
    State(value="silent", text=Text(en="silent", fr="muette"), colour=VIOLET, symbol="✕"),
    State(value="unknown", text=Text(en="no plan known", fr="sans plan"), colour=GREY, symbol="?"),
    State(
        value="lit",
        text=Text(en="lit as planned", fr="allumée, conforme"),
        colour=GREEN,
        symbol="●",
    ),
    State(
        value="dark",
        text=Text(en="dark as planned", fr="éteinte, conforme"),
        colour=SLATE,
        symbol="○",
    ),
)
LAMP = (
    State(
        value="lamp-dark",
        text=Text(en="lamp dark, should burn", fr="point lumineux éteint"),
        colour=RED,
        symbol="■",
    ),
    State(
        value="lamp-unfed",
        text=Text(en="lamp without supply", fr="point lumineux non alimenté"),
        colour=RED,
        symbol="□",
    ),
    State(
        value="lamp-silent",
        text=Text(en="lamp silent", fr="point lumineux muet"),
        colour=VIOLET,
        symbol="✕",
    ),
    State(
        value="lamp-fault",
        text=Text(en="lamp tells a fault", fr="défaut signalé"),
        colour=ORANGE,
        symbol="◆",
    ),
    State(
        value="lamp-lit",
        text=Text(en="lamp lit by day", fr="point lumineux allumé de jour"),
        colour=AMBER,
        symbol="▲",
    ),
)
SIGNAL = (
    State(
        value="leakage",
        text=Text(en="earth leakage", fr="défaut d'isolement"),
        colour=RED,
        symbol="■",
    ),
    State(
        value="supply",
        text=Text(en="supply lost (grid)", fr="alimentation perdue (réseau)"),
        colour=ORANGE,
        symbol="◆",
    ),
    State(
        value="contactor",
        text=Text(en="contactor (ours)", fr="contacteur (exploitant)"),
        colour=AMBER,
        symbol="▲",
    ),
    State(value="door", text=Text(en="door open", fr="porte ouverte"), colour=BLUE, symbol="◇"),
    State(value="fine", text=Text(en="nothing to report", fr="rien à signaler"), colour=SLATE),
)

AVAILABLE = (
    Step(at=None, colour=RED),
    Step(at=95, colour=ORANGE),
    Step(at=98, colour=GREEN),
)
RATIO = (  # % of what the plan expects: the rules' three fifths, and three tenths more
    Step(at=None, colour=GREY),
    Step(at=0, colour=RED),
    Step(at=60, colour=ORANGE),
    Step(at=85, colour=QUIET),
    Step(at=115, colour=AMBER),
    Step(at=130, colour=ORANGE),
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
