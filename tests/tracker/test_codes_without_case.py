"""Links of a published program are found without regard to case, from version to version."""

from hypothesis import given
from hypothesis import strategies as st

from program.entries import Link
from program.labels import Labels
from program.program import Program, Secrets
from program.routes import NO_ROUTES, Routes
from program.routes_tree import RoutesChange, tree_of
from program.terms import Terms
from tests.programs import program_of_entries
from tracker.offers.program_index import ProgramIndex

CODES = ["abc", "ABC", "Abc", "aBC", "xyz", "XYZ", "Äö", "äÖ"]
TERMS = Terms(currency="USD", timezone="UTC")


def link_of(code: str) -> Link:
    return Link(code, 101, 7)


@given(
    st.lists(st.sets(st.sampled_from(CODES)), min_size=1, max_size=6), st.lists(st.booleans(), min_size=6, max_size=6)
)
def test_a_tree_finds_what_a_file_finds_after_any_changes(versions: list[set[str]], asked: list[bool]) -> None:
    tree = tree_of(NO_ROUTES)
    index = ProgramIndex(Program(TERMS, NO_ROUTES, Labels(), Secrets()), tree)
    have: set[str] = set()
    for wanted, asks in zip(versions, asked, strict=False):
        changes = {code: link_of(code) if code in wanted else None for code in have ^ wanted}
        tree, have = tree.changed(RoutesChange(changes)), wanted
        index = ProgramIndex(index.program, tree, index)
        if asks:
            file = ProgramIndex(program_of_entries(links=[link_of(code) for code in wanted]))
            for code in (*CODES, "none", " abc/", "/XyZ"):
                assert index.link(code) == file.link(code), code


def test_the_index_of_a_tree_has_routes_and_terms_of_its_version() -> None:
    program = program_of_entries(links=[link_of("a")])
    tree = tree_of(Routes(fallback_url="https://f.example/", partners={7: "inactive"}, trusted_proxies=("10.0.0.0/8",)))
    index = ProgramIndex(program, tree)
    assert index.link("a") is None and index.exact_link("a") is None
    assert index.partner_status(7) == "inactive" and index.partner_status(8) is None
    assert index.fallback_url == "https://f.example/" and [str(proxy) for proxy in index.proxies] == ["10.0.0.0/8"]


def test_secrets_that_stay_are_not_indexed_again() -> None:
    secrets = Secrets(("key-of-events",), {101: "s3cret"})
    program = Program(TERMS, NO_ROUTES, Labels(), secrets)
    first = ProgramIndex(program, tree_of(NO_ROUTES))
    second = ProgramIndex(Program(TERMS, NO_ROUTES, Labels(), secrets), tree_of(NO_ROUTES), first)
    assert second.all_secrets is first.all_secrets and second.is_secret("s3cret")
    third = ProgramIndex(Program(TERMS, NO_ROUTES, Labels(), Secrets()), tree_of(NO_ROUTES), second)
    assert not third.is_secret("s3cret") and third.secrets_of(101) == ()
