"""`clew program import|export|publish|versions|rollback`, on both databases."""

import json
from pathlib import Path

import pytest

from control.program.models import ProgramVersion
from program.file import read_program
from tests.clew.cli.conftest import Clew
from tests.control.program.test_importing import FILE


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "program.toml"
    path.write_text(FILE)
    return path


def test_a_file_is_imported_published_listed_and_exported(clew: Clew, file: Path) -> None:
    code, said, _ = clew("program", "import", str(file), "--dry-run")
    assert code == 0 and "+ partner 7\n" in said and said.endswith("nothing was stored\n")
    assert not ProgramVersion.objects.exists()
    code, said, _ = clew("program", "import", str(file))
    assert code == 0 and "partners: 2 new, 0 changed, 0 unchanged\n" in said
    code, said, warned = clew("program", "publish", "--reason", "spring")
    assert code == 0 and said.startswith("publishes the first program: 1 offer, 2 plans and 1 coupon, in USD\n")
    assert ("published version 1; its terms count from 20" in said and "partner" in warned) or warned == ""
    code, said, _ = clew("program", "versions", "--json")
    [version] = json.loads(said)["items"]
    assert (version["version"], version["kind"], version["author"], version["reason"]) == (
        1, "published", "command line", "spring",
    )  # fmt: skip
    code, said, _ = clew("program", "export")
    exported, original = read_program(said, lambda _: None).program, read_program(FILE, lambda _: None).program
    assert code == 0 and exported is not None and original is not None
    assert (exported.terms, exported.routes, exported.labels) == (original.terms, original.routes, original.labels)
    assert "s3cret" not in said and "key-of-events" not in said


def test_a_rollback_brings_the_old_terms_back(clew: Clew, file: Path) -> None:
    clew("program", "import", str(file))
    clew("program", "publish")
    file.write_text(FILE.replace('percent = "8"', 'percent = "9"'))
    clew("program", "import", str(file))
    code, said, _ = clew("program", "publish")
    assert code == 0 and "raises the commission for Shoes from 8 % to 9 %\n" in said
    code, said, _ = clew("program", "rollback", "1", "--reason", "too dear")
    assert code == 0 and said.startswith("lowers the commission for Shoes from 9 % to 8 %\npublished version 3;")
    assert 'percent = "9"' in clew("program", "export", "--version", "2")[1]
    assert ProgramVersion.objects.get(seq=3).terms_hash == ProgramVersion.objects.get(seq=1).terms_hash
    code, said, _ = clew("program", "versions")
    assert code == 0 and "rolled_back" in said


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_errors_and_their_exit_codes(clew: Clew, file: Path) -> None:
    assert clew("program", "export") == (1, "", "clew: nothing is published yet\n")
    assert clew("program", "rollback", "4") == (1, "", "clew: there is no version 4\n")
    assert clew("program", "rollback", "0")[0] == 2
    code, _, said = clew("program", "import", str(file.parent / "nothing.toml"))
    assert code == 4 and "nothing.toml cannot be read" in said
    file.write_text(FILE.replace("offer = 101", "offer = 102", 1))
    code, _, said = clew("program", "import", str(file))
    assert code == 1 and "there is no offer 102" in said
    file.write_text(FILE)
    clew("program", "import", str(file))
    clew("program", "publish")
    assert clew("program", "publish") == (1, "", "clew: nothing has changed since the last version\n")
