"""Console pages of applications: an operator builds a form, decides, and makes a rule."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone, translation

from control.accounts.people import add_operator
from control.applications.models import Application, ApplicationForm, AutoRule
from control.applications.submitting import verify
from control.audit.origin import acting
from control.partners.services import create_partner
from tests.control.applications.sample import BOSS, NOBODY, applied, creators, old_applications, sent
from tests.control.ui.pages import injections

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.parametrize("database", ["sqlite"], indirect=True)]
SETTINGS = {
    "name": "Creators", "slug": "creators", "intros": "de: Wir zahlen.", "intro": "We pay.", "color": "#0F6CBD",
    "verify_email": "on", "sla_h": "24", "reapply": "days", "reapply_days": "30", "countries": "DE, AT",
    "weights": "site_answers: 20", "partner_type": "publisher",
}  # fmt: skip


@pytest.fixture
def owner(client: Client) -> Client:
    client.force_login(add_operator(BOSS, "ada@acme.example", "owner", "Ada"))
    translation.deactivate()
    return client


def _page(client: Client, path: str) -> str:
    page = client.get(path).content.decode()
    assert injections(page) == []
    return page


def test_an_operator_builds_a_form(owner: Client) -> None:
    answer = owner.post("/console/applications/forms/new/", {**SETTINGS, "slug": "No Slug", "weights": "shoe: 1"})
    assert "must be small letters" in answer.content.decode() and "shoe" in answer.content.decode()
    path = owner.post("/console/applications/forms/new/", SETTINGS)["Location"]
    form = ApplicationForm.objects.get()
    assert (form.intro, form.weights, form.countries) == (
        {"de": "Wir zahlen.", "en": "We pay."}, {"site_answers": 20}, ["DE", "AT"]
    )  # fmt: skip
    field = {
        "key": "ways", "type": "multi", "label": "Ways", "labels": "de: Wege", "required": "on", "fills":
        "traffic_sources", "options": "blog: Blog|de=Weblog\nmail", "score": "10: is blog\n-5: empty",
    }  # fmt: skip
    wrong = owner.post(f"{path}fields/new/", {**field, "score": "many: is blog", "options": ""}).content.decode()
    assert "POINTS" in wrong and Application.objects.count() == 0
    assert "give at least one choice" in owner.post(f"{path}fields/new/", {**field, "options": ""}).content.decode()
    assert owner.post(f"{path}fields/new/", field)["Location"] == path
    form.refresh_from_db()
    made = form.fields.definition.fields[-1]
    assert (made.values, made.label["de"], [rule.points for rule in made.score]) == (["blog", "mail"], "Wege", [10, -5])
    assert 'value="Ways"' in _page(owner, f"{path}fields/ways/") and "blog: Blog|de=Weblog" in _page(
        owner, f"{path}fields/ways/"
    )
    owner.post(path, {"act": "up", "key": "ways"})
    owner.post(path, {"act": "remove", "key": "country"})
    assert [own.key for own in ApplicationForm.objects.get().fields.definition.fields] == ["website", "ways"]
    assert "Ways" in _page(owner, f"{path}preview/")
    assert "Version 1 is published." in owner.post(path, {"act": "publish"}, follow=True).content.decode()
    assert "http://localhost/apply/creators/" in _page(owner, path)
    assert "nothing has changed" in owner.post(path, {"act": "publish"}, follow=True).content.decode().lower()
    assert owner.post(path, {"act": "explode"}).status_code == 404
    owner.post(path, {"act": "close"})
    assert ApplicationForm.objects.get().status == "closed"


def test_an_operator_decides_in_the_queue(owner: Client) -> None:
    blue = create_partner(BOSS, {"name": "<b>Blue</b>", "email": "ana@ana-blog.example"}, "active")
    application = applied()
    path = f"/console/applications/{application.pk}/"
    assert "Ana Berger" in _page(owner, "/console/applications/?status=waiting&q=ana")
    page = _page(owner, path)
    assert "&lt;b&gt;Blue&lt;/b&gt;" in page and "mail address at ana-blog.example" in page
    file = owner.get(f"{path}files/{application.answers['proof']['file']}/")
    assert file["Content-Disposition"].startswith("attachment") and file.content == b"%PDF-1.7"
    assert owner.get(f"{path}files/{application.pk}/").status_code == 404
    owner.post(f"{path}note/", {"text": "Call <i>first</i>"})
    owner.post(f"{path}ask/", {"question": "Where do you post?"})
    assert "Call &lt;i&gt;first&lt;/i&gt;" in _page(owner, path) and "1 application to decide" in _page(
        owner, "/console/"
    )
    done = owner.post(
        f"{path}approve/", {"partner": str(blue.number), "contract_template": "", "note": ""}, follow=True
    )
    assert f"invited to partner {blue.number}" in done.content.decode()
    assert "is approved already" in owner.get(f"{path}reject/", follow=True).content.decode()


def test_the_most_urgent_comes_first(owner: Client) -> None:
    form = creators(verify_email=False)
    names = ["Decided", "Later", "Sooner"]
    for name, hours in zip(names, (0, 9, 3), strict=True):
        row = sent(form, f"{name.lower()}@x.example")
        assert row is not None
        due = timezone.now() + timedelta(hours=hours) if hours else None
        with acting(BOSS):
            Application.objects.filter(pk=row.pk).update(name=name, due=due)
    page = _page(owner, "/console/applications/")
    assert sorted(names, key=page.index) == ["Sooner", "Later", "Decided"]


def test_many_are_decided_at_once(owner: Client) -> None:
    rows = old_applications(creators(), 3)
    values = {"do": "reject", "row": [str(row.pk) for row in rows], "reason": "other", "reason_text": "Closed."}
    asked = owner.post("/console/applications/", {"do": "reject", "row": values["row"]}).content.decode()
    assert "Each gets a mail with the reason." in asked and "Another reason" in asked
    owner.post("/console/applications/", {**values, "sure": "1"})
    assert set(Application.objects.values_list("status", "reason_text")) == {("rejected", "Closed.")}


def test_an_operator_makes_a_rule(owner: Client) -> None:
    form = creators()
    old_applications(form, 100)
    values = {
        "name": "Good", "action": "approve", "position": "10", "field_1": "score", "op_1": "at_least", "values_1": "70",
        "field_2": "country", "op_2": "is", "values_2": "DE, AT",
    }  # fmt: skip
    add = f"/console/applications/forms/{form.pk}/rules/new/"
    assert "must be a list of 1 to" in owner.post(add, {**values, "field_1": "", "field_2": ""}).content.decode()
    path = owner.post(add, values)["Location"]
    assert "no dry run" in owner.post(path, {"act": "on"}, follow=True).content.decode()
    tried = owner.post(path, {"act": "dry-run"}, follow=True).content.decode()
    assert "21 of the last 100 applications" in tried and injections(tried) == []
    owner.post(path, {"act": "on"})
    assert AutoRule.objects.get().mode == "on"
    application = sent(form)
    assert application is not None
    verify(NOBODY, application.pk)
    assert "Good" in _page(owner, f"/console/applications/forms/{form.pk}/")
    owner.post(path, {"act": "archive"})
    assert owner.get(path).status_code == 404
