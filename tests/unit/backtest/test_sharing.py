"""Who helps with a long backtest: which blocks are whose, and what becomes of it when he fails."""

from multiprocessing import Pipe, get_context

import pytest

from hypervisor.backtest import worker_process
from hypervisor.backtest.model import BacktestError
from hypervisor.backtest.results import Results
from hypervisor.backtest.worker_process import _Helper, _turns

NOTHING = Results(rows={1: 3}, first=1, last=2)


def test_what_he_found_is_handed_over() -> None:
    ours, theirs = Pipe(duplex=False)
    theirs.send(NOTHING)
    assert _Helper(turns=iter([]), pipe=ours).results() == NOTHING


def test_what_ails_him_is_told() -> None:
    ours, theirs = Pipe(duplex=False)
    theirs.send("StoreError: away")
    with pytest.raises(BacktestError) as caught:
        _Helper(turns=iter([]), pipe=ours).results()
    assert str(caught.value) == "the helper process failed: StoreError: away"


def test_where_he_is_gone_that_is_told() -> None:
    ours, theirs = Pipe(duplex=False)
    theirs.close()
    with pytest.raises(BacktestError) as caught:
        _Helper(turns=iter([]), pipe=ours).results()
    assert str(caught.value) == "the helper process ended early"


def test_each_block_is_the_turn_of_one_of_both() -> None:
    turn = get_context("spawn").Value("q", 0)
    ours, his = _turns(turn, 5), _turns(turn, 5)
    assert [next(ours), next(his), next(his), next(ours), next(ours)] == [0, 1, 2, 3, 4]
    assert (list(ours), list(his)) == ([], [])


def test_whatever_fails_there_is_sent_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Results:
        raise ValueError("no snapshot")

    monkeypatch.setattr(worker_process, "_evaluate", fail)
    ours, theirs = Pipe(duplex=False)
    worker_process._run_helper(None, None, theirs)  # type: ignore[arg-type]  # noqa: SLF001  as it does there
    assert ours.recv() == "ValueError: no snapshot"
