"""Contracts of import-linter of our own: which modules of a room may import what, by their role."""

from typing import TYPE_CHECKING, Any

from importlinter import Contract, ContractCheck, fields, output

if TYPE_CHECKING:
    from grimp import ImportGraph


class ByRole(Contract):
    """`modules` (names that begin so, or packages) are imported by modules of `importers` only."""

    modules = fields.ListField(subfield=fields.StringField())
    importers = fields.ListField(subfield=fields.StringField())

    def check(self, graph: "ImportGraph", verbose: bool) -> ContractCheck:  # noqa: FBT001  its interface
        del verbose
        wrong = [
            (importer, module)
            for module in sorted(graph.modules)
            if _is_one(module, self.modules)  # type: ignore[arg-type]
            for importer in sorted(graph.find_modules_that_directly_import(module))
            if _room(importer) != _room(module) and not _is_one(importer, self.importers)  # type: ignore[arg-type]
        ]
        return ContractCheck(kept=not wrong, metadata={"wrong": wrong})

    def render_broken_contract(self, check: ContractCheck) -> None:
        wrong: list[Any] = check.metadata["wrong"]
        for importer, module in wrong:
            output.print_error(f"{importer} imports {module}", bold=False)


def _is_one(module: str, patterns: list[str]) -> bool:
    """Whether a module is meant: a package, a module, or `role` as the last part of a name."""
    leaf = module.rpartition(".")[2]
    return any(
        leaf == pattern or leaf.startswith(f"{pattern}_") or f"{module}.".startswith(f"{pattern}.")
        for pattern in patterns
    )


def _room(module: str) -> str:
    return ".".join(module.split(".")[:2])
