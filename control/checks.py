"""Checks of the control plane for `clew audit`: the chain of audit events, versions of the program, and numbers."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Max, Model

from control.audit.chain import verify_chain
from control.contracts.archive import altered_contracts
from control.migrate import unready_reason
from control.numbers.models import Sequence
from control.partners.models import Partner
from control.program.models import Offer, ProgramHead, ProgramVersion
from control.program.routing import difference_from_rows
from control.program.store import read_contents
from control.program.stored_routes import read_hashes
from program.hash_tree import BadTree, check_part
from program.terms import hash_of

EXAMPLES_MAX = 5
_PARTS_PER_READ = 256


@dataclass(frozen=True, slots=True)
class ControlCheck:
    """One thing that must hold, and examples of where it does not."""

    name: str
    faults: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the form of the checks of `clew audit`."""
        examples = list(self.faults[:EXAMPLES_MAX])
        return {"name": self.name, "ok": not self.faults, "found": len(self.faults), "examples": examples}


def check_all() -> list[ControlCheck]:
    """Run all checks on the database of this process."""
    reason = unready_reason()
    if reason is not None:
        return [ControlCheck("database of the control plane is out of date", (reason,))]
    return [
        ControlCheck("audit events outside their hash chain", tuple(verify_chain().faults)),
        ControlCheck("program versions that differ from their hashes", tuple(_faults_of_versions())),
        ControlCheck("published routes that differ from their rows", tuple(filter(None, [difference_from_rows()]))),
        ControlCheck("contracts that differ from what was accepted", tuple(altered_contracts())),
        ControlCheck("numbers that could be given twice", tuple(_faults_of_numbers())),
    ]


def _faults_of_versions() -> Iterator[str]:
    """Yield the faults of the terms and routes that versions name; each is checked once."""
    expected = 1
    terms: dict[str, int] = {}
    roots: dict[str, int] = {}
    for version in ProgramVersion.objects.order_by("seq").iterator(chunk_size=1_000):
        if version.seq != expected:
            yield f"version {expected} is missing"
        expected = version.seq + 1
        terms.setdefault(version.terms_hash, version.seq)
        roots.setdefault(version.routes_root, version.seq)
    head = ProgramHead.objects.filter(version__isnull=False).values_list("version_id", flat=True).first()
    if expected > 1 and head != expected - 1:
        yield f"the head is at version {head}, and the newest version is {expected - 1}"
    for name, seq in terms.items():
        fault = _fault_of_terms(name)
        if fault:
            yield f"version {seq}: {fault}"
    checked: set[str] = set()
    for root, seq in roots.items():
        fault = _fault_of_routes(root, checked)
        if fault:
            yield f"version {seq}: {fault}"


def _fault_of_terms(name: str) -> str:
    try:
        content = read_contents([name])[name]
    except KeyError as error:
        return str(error.args[0])
    return "" if hash_of(content) == name else f"the terms do not have the hash {name}"


def _fault_of_routes(root: str, checked: set[str]) -> str:
    """Return the first fault of a tree of routes; parts in `checked` are not read again."""
    try:
        parts = [part.hex() for part in read_hashes(root, read_contents).parts if part.hex() not in checked]
        for at in range(0, len(parts), _PARTS_PER_READ):
            names = parts[at : at + _PARTS_PER_READ]
            for name, content in read_contents(names).items():
                check_part(content, bytes.fromhex(name))
            checked.update(names)
    except KeyError as error:
        return str(error.args[0])
    except BadTree as error:
        return str(error)
    return ""


def _faults_of_numbers() -> Iterator[str]:
    kinds: tuple[tuple[str, type[Model]], ...] = (("partner", Partner), ("offer", Offer))
    for kind, model in kinds:
        highest = model._default_manager.aggregate(highest=Max("number"))["highest"] or 0
        given = Sequence.objects.filter(kind=kind).values_list("last", flat=True).first() or 0
        if highest > given:
            yield f"{kind} {highest} exists, and the next {kind} would get the number {given + 1}"
