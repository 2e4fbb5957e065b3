"""Public lighting: dark streets, wasted light, faults and their age."""

from dashboards._describe import Dashboard
from dashboards._lighting_cabinets import SECTION as CABINETS
from dashboards._lighting_faults import ENERGY_SECTION as ENERGY
from dashboards._lighting_faults import SECTION as FAULTS
from dashboards._lighting_now import PANELS as NOW
from dashboards._words import Text

DASHBOARD = Dashboard(
    key="lighting",
    title=Text(en="Public lighting", fr="Éclairage public"),
    about=Text(
        en="Light against its plan: dark streets, light by day, energy, faults and their age,"
        " switching, leakage, supply, phases, communication.",
        fr="L'éclairage face à son plan : rues dans le noir, allumage de jour, énergie, défauts et"
        " leur ancienneté, commutations, isolement, alimentation, phases, communication.",
    ),
    domains=("lighting",),
    panels=(*NOW, FAULTS, ENERGY, CABINETS),
)
