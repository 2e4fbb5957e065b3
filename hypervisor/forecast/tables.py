"""Verification as tables on a terminal."""

from collections.abc import Iterator, Sequence

from rich.table import Table

from hypervisor.forecast.events import Tally
from hypervisor.forecast.skill import CHOSEN, GaugeResult, HorizonResult, MethodResult
from hypervisor.forecast.verification import SHOWN_METHODS

_HOUR = 3_600_000_000


def tables(results: Sequence[GaugeResult]) -> Iterator[Table | str]:
    """For each gauge its horizons and methods."""
    for result in results:
        levels = ", ".join(
            f"{level.name} {level.value:.4g} {result.unit}" + (" (estimated)" * level.estimated)
            for level in result.thresholds
        )
        learned = f", learned from {result.learned_from} gauges" if result.learned_from > 1 else ""
        heading = f"{result.site} {result.quantity}: {result.floods} floods{learned}; {levels}"
        if not result.horizons:
            yield f"{heading}\n  not shown: {result.refused or 'no model may be shown'}"
            continue
        table = _table(heading)
        for horizon in result.horizons:
            for method in horizon.methods:
                _add(table, f"{horizon.horizon / _HOUR:g} h", method)
            table.add_section()
        yield table
        for horizon in result.horizons:
            yield _verdict(horizon)
        if result.untried is not None:
            yield f"  GR4H was not tried: {result.untried}"


def _verdict(horizon: HorizonResult) -> str:
    span = f"{horizon.horizon / _HOUR:g} h"
    if horizon.closed is not None:
        return f"  {span}: not shown: {horizon.closed}"
    text = f"  {span}: shown, {horizon.choice}, warns from a chance of {horizon.warn:.0%}"
    return text if horizon.caution is None else f"{text}; {horizon.caution}"


def summary_table(results: Sequence[GaugeResult]) -> Table:
    """All gauges together; coverage is the mean over flood rows."""
    table = _table("all gauges")
    horizons = sorted({horizon.horizon for result in results for horizon in result.horizons})
    for span in horizons:
        for name in (*SHOWN_METHODS, CHOSEN):
            methods = [
                method
                for result in results
                for horizon in result.horizons
                if horizon.horizon == span and (method := horizon.of(name)) is not None
            ]
            if methods:
                _add(table, f"{span / _HOUR:g} h", together(methods))
        shown = [
            method
            for result in results
            for horizon in result.horizons
            if horizon.horizon == span
            and horizon.closed is None
            and (method := horizon.of(CHOSEN)) is not None
        ]
        if shown:
            _add(table, f"{span / _HOUR:g} h", together(shown), name=f"{CHOSEN}, where shown")
        table.add_section()
    return table


def together(methods: Sequence[MethodResult]) -> MethodResult:
    """One method at several gauges."""
    rows = sum(method.rows for method in methods)

    def mean(name: str) -> float | None:
        parts = [
            (share, method.rows)
            for method in methods
            if (share := method.covered[name]) is not None
        ]
        total = sum(number for _, number in parts)
        return sum(share * number for share, number in parts) / total if total else None

    return MethodResult(
        method=methods[0].method,
        tally=sum((method.tally for method in methods), Tally()),
        rows=rows,
        rmse=None,
        crps=None,
        covered={"80": mean("80"), "90": mean("90")},
    )


def _table(title: str) -> Table:
    table = Table(title=title, title_justify="left")
    for name in (
        "horizon",
        "method",
        "events",
        "median lead",
        "POD",
        "FAR",
        "CSI",
        "80 % holds",
        "90 % holds",
        "RMSE",
        "CRPS",
    ):
        table.add_column(name, justify="left" if name == "method" else "right")
    return table


def _add(table: Table, span: str, method: MethodResult, *, name: str | None = None) -> None:
    tally = method.tally
    table.add_row(
        span,
        name or method.method,
        str(tally.events),
        "-" if tally.lead is None else f"{tally.lead / _HOUR:.2f} h",
        _number(tally.detected),
        _number(tally.false_share),
        _number(tally.success),
        _percent(method.covered["80"]),
        _percent(method.covered["90"]),
        "-" if method.rmse is None else f"{method.rmse:.3g}",
        "-" if method.crps is None else f"{method.crps:.3g}",
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"
