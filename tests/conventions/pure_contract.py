"""import-linter's contract type `pure`: the built-in `forbidden`, but for modules named by patterns.

A pattern that no module matches is fine, so a list can name what is still to be written. The list stands in
pyproject.toml.
"""

from fnmatch import fnmatchcase
from typing import Any

from grimp import ImportGraph
from importlinter import fields
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.domain.contract import ContractCheck
from importlinter.domain.imports import ModuleExpression


class PureContract(ForbiddenContract):
    # A field on the class; on the instance, what the contract's option says.
    source_modules: Any = fields.SetField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        matches = {name for name in graph.modules if any(fnmatchcase(name, p) for p in self.source_modules)}
        self.source_modules = {ModuleExpression(name) for name in matches}
        return super().check(graph, verbose)
