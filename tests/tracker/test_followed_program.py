"""An edge without a program says so, and answers by the next version from the moment that it is there."""

from program.entries import Link
from program.routes_tree import RoutesChange, tree_of
from tests.tracker.edge_fixture import Stage


def test_an_edge_is_not_ready_until_it_has_heard_of_a_program() -> None:
    stage = Stage()
    stage.holder.unready_reason = "no program is known"
    assert (stage.get("/readyz").status, stage.get("/readyz").body) == (503, b"no program is known")
    stage.holder.follow(stage.program, tree_of(stage.program.routes))
    assert stage.get("/readyz").status == 200


def test_an_edge_answers_by_the_version_that_it_follows() -> None:
    stage = Stage()
    tree = tree_of(stage.program.routes)
    stage.holder.follow(stage.program, tree)
    assert stage.get("/c/bl-shoes").verdict == "accepted"
    link = tree.link("bl-shoes")
    assert link is not None
    stage.holder.follow(stage.program, tree.changed(RoutesChange({}, {link.partner_id: "inactive"})))
    assert stage.get("/c/bl-shoes").verdict == "inactive_partner"
    moved = RoutesChange({"bl-shoes": None, "New": Link("New", link.offer_id, link.partner_id)})
    stage.holder.follow(stage.program, tree.changed(moved))
    assert stage.get("/c/bl-shoes").verdict == "unknown_link"
    assert stage.get("/c/new").verdict == "accepted"
