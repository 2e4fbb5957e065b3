"""Of a flood of readings the newest are told; topics are the standard's."""

import numpy as np

from hypervisor.standards.observations import select_newest, topic_of
from sensors._row import ROW


def rows(*times: int) -> np.ndarray:
    made = np.zeros(len(times), dtype=ROW)
    made["time"] = times
    return made


def test_the_newest_of_too_many_in_the_order_of_their_times() -> None:
    assert select_newest([rows(5, 1), rows(3)])["time"].tolist() == [1, 3, 5]
    assert select_newest([rows(5, 1), rows(3)], most=2)["time"].tolist() == [3, 5]


def test_a_key_is_quoted() -> None:
    assert topic_of("o'bridge:level") == "v1.1/Datastreams('o''bridge:level')/Observations"
