"""`hypervisor rules`: check packs, run their tests, run worked cases."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rules._cases import Outcome
    from rules._pack import Pack

rules = typer.Typer(
    no_args_is_help=True, help="Rules and thresholds: check, test, apply, log, roll back."
)

CASES_HELP = """Run worked cases: readings and a rule in, the alarm log out.

Each case is evaluated as a whole, and again in small batches by order of arrival, continuing
from the stored state; both must give its log. A case that uses a function the language does not
have yet is listed as waiting. Ends with the line `N passed, N failed`; exit code 1 when one failed.

A file is a YAML list. Keys of a case: `name`, `why`; `rule` as in a pack, or `revisions`, pairs of
a time and a rule or `withdrawn`; `readings`, by series, each `time=value` and then `?` suspect,
`^` saturated, `@time` arrived later; `log`, the alarms expected (`since`, `began`, `ended`,
`stale`; `severity` and `reason` are compared where a case has them).

Also `interval` (5 min; or by series, also as pairs of a time and a duration), `until`, `deaf`,
`commissioned` (or by device), `thresholds` (a number, or pairs of a time and a number or
`withdrawn`), `service` (by device, pairs of a time and 1 or 0), `fed` (the same), `withdrawn` (the
same, by series), `breaks` (by series, times), `earlier` (by series, pairs of a device before its
own and until when), `devices`, `group`, `calendar` ({zone, lon, lat}; Évry), `plan` (the lighting
level planned, pairs), `upstream` (by site, {lag, thresholds}; its series are written `level@mill`),
`closed` (pairs of a time and an operator), `report` (periodic or on_change) and `kinds` (gauge,
increment, counter, state). A series without a kind is an increment where a rule sums it, a counter
where a rule takes its increase, a state where it is sent on change, else a gauge.
"""


def attach(app: typer.Typer) -> None:
    """Attach the commands."""
    app.add_typer(rules, name="rules")


@rules.command("check")
def check(
    context: typer.Context,
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE…]", help="Packs; without any, those of the installation."),
    ] = None,
    tests: Annotated[bool, typer.Option(help="Also run the tests in the packs.")] = True,
    sites: Annotated[
        bool, typer.Option("--sites", help="Show how late each rule can be, by site.")
    ] = False,
    inventory: Annotated[
        list[str] | None,
        typer.Option(help="With --sites: the inventory to use; default: the instance's registry."),
    ] = None,
) -> None:
    """Check rule packs and run their tests."""
    from sensors._errors import TerritoryError

    passed_count, failed_count = 0, 0
    packs: list[Pack] = []
    for read in _readers(files):
        try:
            packs += read()
        except TerritoryError as error:
            print(f"error: {error}")
            failed_count += 1
    for pack in packs:
        print(f"{pack.file}: {len(pack.rules)} rules")
        if tests:
            passed, wrong = _run_tests(pack)
            passed_count, failed_count = passed_count + passed, failed_count + wrong
    if sites or inventory:
        _print_lateness(context, packs, inventory)
    print(f"{passed_count} passed, {failed_count} failed")
    if failed_count:
        raise typer.Exit(1)


def _print_lateness(
    context: typer.Context, packs: "list[Pack]", inventory: list[str] | None
) -> None:
    """Print the lateness and the warnings of each rule at each site."""
    from hypervisor.backtest.registries import of_inventory
    from hypervisor.database.command import open_database
    from hypervisor.registry import queries as registry_queries
    from hypervisor.rulebook.lateness import compute_lateness, format_lateness
    from sensors._domain import catalogue

    domains = catalogue()
    if inventory:
        ground = of_inventory(inventory, domains, packs)
    else:
        with open_database(context) as connection:
            ground = registry_queries.load(connection)
    for rule_lateness in compute_lateness(packs, ground, domains):
        for line in format_lateness(rule_lateness):
            print(line)


@rules.command("test")
def run_pack_tests(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE…]", help="Packs; without any, those of the installation."),
    ] = None,
    rule: Annotated[str, typer.Option(help="Only the tests of this rule.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a test.")] = False,
) -> None:
    """Run the tests of rule packs; exit code 1 when one fails."""
    from hypervisor.rulebook.pack_tests import format_report, require_rule, run_pack_tests, test_row

    packs = [pack for read in _readers(files) for pack in read()]
    if rule:
        require_rule(rule, packs)
    wrong = 0
    for pack in packs:
        results = run_pack_tests(pack, {rule} if rule else None)
        wrong += sum(bool(tested.differences) for tested in results)
        for line in (
            [json.dumps(test_row(tested)) for tested in results]
            if as_json
            else format_report(pack, results)
        ):
            print(line)
    if wrong:
        raise typer.Exit(1)


@rules.command("cases", help=CASES_HELP)
def cases(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Files of cases.")],
) -> None:
    """Run worked cases."""
    from rules._cases import run_cases
    from rules._vocabulary import open_vocabulary
    from sensors._domain import catalogue

    words = open_vocabulary(catalogue())
    passed, failed, waiting = 0, 0, 0
    for file in files:
        outcomes = run_cases(_text(file), file=str(file), words=words)
        for outcome in outcomes:
            _print_outcome(file, outcome)
        passed += sum(outcome.passed for outcome in outcomes)
        failed += sum(bool(outcome.differences) for outcome in outcomes)
        waiting += sum(outcome.waiting is not None for outcome in outcomes)
    if waiting:
        print(f"{waiting} waiting")
    print(f"{passed} passed, {failed} failed")
    if failed:
        raise typer.Exit(1)


def _readers(files: list[Path] | None) -> "Iterator[Callable[[], list[Pack]]]":
    """One reader per file, so that an error in one does not hide those in the others."""
    import functools

    from rules._pack import load_pack, packs

    if not files:
        yield packs
    for file in files or []:
        read = functools.partial(_read, load_pack, file)
        yield read


def _read(load: "Callable[..., Pack]", file: Path) -> "list[Pack]":
    from hypervisor.evaluation.rule_text import domain_of, file_text

    text = file_text(file)
    return [load(text, file=str(file), domain=domain_of(text, file))]


def _run_tests(pack: "Pack") -> tuple[int, int]:
    """Run a pack's tests and print the failures; the counts of passed and failed."""
    from rules._pack_test import run_tests
    from sensors._domain import catalogue

    outcomes = run_tests(pack, catalogue())
    for outcome in outcomes:
        if outcome.differences:
            print(f"failed: {outcome.rule}: {outcome.name} ({outcome.place})")
            for difference in outcome.differences:
                print(f"    {difference}")
    failed = sum(bool(outcome.differences) for outcome in outcomes)
    return len(outcomes) - failed, failed


def _print_outcome(file: Path, outcome: "Outcome") -> None:
    if outcome.waiting is not None:
        print(f"waiting: {outcome.name}\n    {outcome.waiting}")
    elif outcome.differences:
        print(f"failed: {outcome.name} ({file}:{outcome.line})")
        for difference in outcome.differences:
            print(f"    {difference}")


def _text(file: Path) -> str:
    """A file's text.

    Raises:
        TerritoryError: it cannot be read.
    """
    from sensors._errors import TerritoryError

    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TerritoryError(f"{file} cannot be read: {error}") from error
