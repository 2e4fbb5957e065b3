"""Hub'Eau's layout of raw hydrometry: one row a station, quantity and time; H in mm, Q in l/s."""

import numpy as np
import pandas as pd

from sensors._errors import Message
from simulators._table import Table, in_own_unit, join

NEEDED = ("code_station", "grandeur_hydro", "date_obs", "resultat_obs")
QUANTITIES = {"H": ("level", "mm"), "Q": ("discharge", "l/s")}
DOUBTFUL = "12"  # Sandre nomenclature 515


def is_hubeau(table: Table) -> bool:
    return set(NEEDED) <= set(table.cells.columns)


def rows_of(table: Table) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The readings, and what was left out in words.

    Raises:
        RecordingError: a time, a value or a quantity cannot be read.
    """
    kinds = table.cells["grandeur_hydro"].str.strip()
    bad = ~kinds.isin(list(QUANTITIES)).to_numpy()
    if bad.any():
        raise table.fault(
            int(bad.argmax()), "grandeur_hydro", Message("H (level) or Q (discharge)")
        )
    times = table.instants("date_obs", naive_is_utc=False)
    values = table.numbers("resultat_obs")
    stations = table.cells["code_station"].str.strip()
    named = (stations != "").to_numpy()
    parts = []
    for kind, (quantity, unit) in QUANTITIES.items():
        mine = (kinds == kind).to_numpy() & named
        own, scaled = in_own_unit(quantity, unit, values[mine])
        parts.append(
            pd.DataFrame(
                {
                    "time": times[mine],
                    "device": stations[mine],
                    "quantity": quantity,
                    "unit": own,
                    "value": scaled,
                    "status": _status(table)[mine],
                }
            )
        )
    without = int(np.count_nonzero(~named))
    if not without:
        return join(parts), ()
    return join(parts), (f"{without} rows without a station code left out (copies by site)",)


def _status(table: Table) -> pd.Series:
    """The producer's own qualification, where the file has it: doubtful is kept, not suspected."""
    if "code_qualification_obs" not in table.cells.columns:
        return pd.Series("ok", index=table.cells.index)
    codes = table.cells["code_qualification_obs"].str.strip()
    return pd.Series(np.where(codes == DOUBTFUL, "doubtful", "ok"), index=table.cells.index)
