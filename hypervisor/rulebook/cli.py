"""`hypervisor rules`: check packs, run their tests, run worked cases."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rules._pack import Pack
    from rules._pack_test import Tested

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


Packs = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[FILE…]", help="Packs; without any, those of the installation."),
]


def attach(app: typer.Typer) -> None:
    """Attach the commands."""
    app.add_typer(rules, name="rules")


@rules.command("check")
def check(
    context: typer.Context,
    files: Packs = None,
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
    from hypervisor.rulebook.pack_checks import run_pack_tests
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
        for outcome in run_pack_tests(pack) if tests else []:
            passed_count += not outcome.differences
            failed_count += bool(outcome.differences)
            if outcome.differences:
                print(f"failed: {outcome.rule}: {outcome.name} ({outcome.place})")
                print(*(f"    {difference}" for difference in outcome.differences), sep="\n")
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
    from hypervisor.rulebook.pack_checks import compute_lateness, format_lateness
    from sensors._domain import catalogue

    domains = catalogue()
    if inventory:
        ground = of_inventory(inventory, domains, packs)
    else:
        with open_database(context) as connection:
            ground = registry_queries.load(connection)
    for rule_lateness in compute_lateness(packs, ground, domains):
        print(*format_lateness(rule_lateness), sep="\n")


@rules.command("test")
def run_tests(
    files: Packs = None,
    rule: Annotated[str, typer.Option(help="Only the tests of this rule.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a test.")] = False,
) -> None:
    """Run the tests of rule packs; exit code 1 when one fails."""
    from hypervisor.base.errors import UnknownError
    from hypervisor.rulebook.pack_checks import format_report, run_pack_tests
    from sensors._nearest import did_you_mean

    packs = [pack for read in _readers(files) for pack in read()]
    ids = [pack_rule.id for pack in packs for pack_rule in pack.rules]
    if rule and rule not in ids:
        raise UnknownError(f"no rule {rule!r} in these packs{did_you_mean(rule, ids)}")
    wrong = 0
    for pack in packs:
        results = run_pack_tests(pack, {rule} if rule else None)
        wrong += sum(bool(tested.differences) for tested in results)
        for line in map(_test_row, results) if as_json else format_report(pack, results):
            print(line)
    if wrong:
        raise typer.Exit(1)


def _test_row(tested: "Tested") -> str:
    row = {
        "rule": tested.rule,
        "test": tested.name,
        "file": tested.place.file,
        "line": tested.place.line,
        "passed": not tested.differences,
        "differences": tested.differences,
    }
    return json.dumps(row)


@rules.command("cases", help=CASES_HELP)
def cases(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Files of cases.")],
) -> None:
    """Run worked cases."""
    from hypervisor.evaluation.rule_text import file_text
    from rules._cases import run_cases
    from rules._vocabulary import open_vocabulary
    from sensors._domain import catalogue

    words = open_vocabulary(catalogue())
    passed, failed, waiting = 0, 0, 0
    for file in files:
        for outcome in run_cases(file_text(file), file=str(file), words=words):
            passed += outcome.passed
            if outcome.waiting is not None:
                waiting += 1
                print(f"waiting: {outcome.name}\n    {outcome.waiting}")
            elif outcome.differences:
                failed += 1
                print(f"failed: {outcome.name} ({file}:{outcome.line})")
                print(*(f"    {difference}" for difference in outcome.differences), sep="\n")
    if waiting:
        print(f"{waiting} waiting")
    print(f"{passed} passed, {failed} failed")
    if failed:
        raise typer.Exit(1)


def _readers(files: list[Path] | None) -> "Sequence[Callable[[], Sequence[Pack]]]":
    """One reader per file, so that an error in one does not hide those in the others."""
    from hypervisor.evaluation.rule_text import read_file
    from rules._pack import packs

    def reader(file: Path) -> "Callable[[], Sequence[Pack]]":
        return lambda: [read_file(file)[0]]

    return [reader(file) for file in files or []] or [packs]
