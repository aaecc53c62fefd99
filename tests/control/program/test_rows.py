"""A program compiled from rows is the program of the file that they came from."""

from hypothesis import given, settings

from control.program.rows import CouponRow, HeadRow, OfferRow, PartnerRow, PlanRow, Rows, compile_rows, rows_of
from program.entries import Coupon, Plan
from program.program import Program
from schemas.values.model_names import FIT_ID_CHARS
from tests.program.programs import programs

GOALS = [{"key": "1", "name": "Purchase"}]
SHOES = OfferRow(101, "Shoes", True, "https://shop.example/?c={click_id}", [], 10**6, 10**6, GOALS, True, False, True)
LAGOON = PartnerRow(7, "Blue Lagoon", True, True, "partner")


@settings(max_examples=50)
@given(programs())
def test_rows_of_any_program_compile_to_it(program: Program) -> None:
    compiled = compile_rows(rows_of(program))
    assert compiled.mistakes == () and compiled.program is not None
    assert compiled.program.hash == program.hash
    assert compiled.program.routes == program.routes
    assert compiled.program.labels == program.labels


def _places(rows: Rows) -> list[tuple[str, str]]:
    compiled = compile_rows(rows)
    assert compiled.program is None
    return [(mistake.place, mistake.message) for mistake in compiled.mistakes]


def test_mistakes_name_row_and_field() -> None:
    rows = Rows(HeadRow(), [LAGOON], [SHOES])
    rows.plans = [
        PlanRow("p1", Plan(101, goal="lead", percent_e6=1)),
        PlanRow("p2", Plan(102, percent_e6=1)),
        PlanRow("p3", Plan(101, partner_id=8, percent_e6=1)),
        PlanRow("p4", Plan(101, model=f"fitted({'0' * FIT_ID_CHARS})", percent_e6=1)),
    ]
    places = dict(_places(rows))
    assert places["plan.p1.goal"] == "offer 101 has no goal lead; add it to the offer's goals"
    assert places["plan.p2.offer"].startswith("there is no offer 102")
    assert places["plan.p3.partner"].startswith("there is no partner 8")
    assert places["plan.p4.model"].startswith("there is no fit 0")
    assert len(places) == 4


def test_two_coupons_of_one_time_are_a_mistake() -> None:
    coupons = [CouponRow("c1", Coupon("BLUE10", 7, 101)), CouponRow("c2", Coupon("blue10", 7, 101))]
    [(place, message)] = _places(Rows(HeadRow(), [LAGOON], [SHOES], coupons=coupons))
    assert place in ("coupon.c1.code", "coupon.c2.code") and "overlapping time" in message


def test_warnings_are_those_of_program_files() -> None:
    offers = [SHOES._replace(has_secret=False, landing_url="http://shop.example/")]
    warnings = {(w.place, w.message) for w in compile_rows(Rows(HeadRow(), [LAGOON], offers)).warnings}
    said = {place for place, _ in warnings}
    assert {"offer[101]", "offer[101].landing_url", "partner[7]", "program"} == said
    assert not any("api_keys" in message for _, message in warnings)


def test_an_applicant_makes_no_new_price() -> None:
    before = compile_rows(Rows(HeadRow(), [LAGOON], [SHOES])).program
    applicant = PartnerRow(8, "New", False, False, "partner")
    after = compile_rows(Rows(HeadRow(), [LAGOON, applicant], [SHOES])).program
    assert before is not None and after is not None
    assert after.hash == before.hash and after.routes.partners[8] == "inactive"
    suspended = compile_rows(Rows(HeadRow(), [LAGOON, applicant._replace(was_active=True)], [SHOES])).program
    assert suspended is not None and suspended.hash != before.hash


def test_an_applicant_with_a_coupon_is_not_paid() -> None:
    applicant = PartnerRow(8, "New", False, False, "partner")
    rows = Rows(HeadRow(), [applicant], [SHOES], coupons=[CouponRow("c", Coupon("NEW10", 8, 101))])
    compiled = compile_rows(rows).program
    assert compiled is not None and compiled.terms.partners[8].status == "inactive"


def test_secrets_are_left_out() -> None:
    compiled = compile_rows(Rows(HeadRow(), [LAGOON], [SHOES])).program
    assert compiled is not None and not compiled.secrets.api_keys and not compiled.secrets.postback_secrets
