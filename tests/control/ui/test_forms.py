"""Forms: labels, hints and errors belong to their controls; every text is escaped."""

from django import forms

from tests.control.ui.pages import ATTACK, Elements, injections


class Sample(forms.Form):
    name = forms.CharField(label="Name", help_text="Shown to partners.")
    note = forms.CharField(label="Note", required=False)
    kind = forms.ChoiceField(choices=[("a", "A")])
    access = forms.ChoiceField(choices=[("open", "Open"), ("closed", "Closed")], widget=forms.RadioSelect)
    agreed = forms.BooleanField(label="Agreed")


def test_controls_have_labels_classes_and_hints() -> None:
    found = Elements(str(Sample())).found
    inputs = {values["id"]: values for tag, values in found if tag in ("input", "select")}
    labels = {values.get("for") for tag, values in found if tag == "label"}
    assert inputs.keys() <= labels
    assert inputs["id_name"]["class"] == "form-control" and inputs["id_kind"]["class"] == "form-select"
    assert inputs["id_agreed"]["class"] == inputs["id_access_0"]["class"] == "form-check-input"
    assert inputs["id_name"]["aria-describedby"] == "id_name_helptext"
    assert ("div", {"class": "cl-hint", "id": "id_name_helptext"}) in found
    assert str(Sample()).count(">optional<") == 1


def test_errors_are_tied_to_their_control() -> None:
    text = str(Sample({"name": "", "kind": "a", "access": "open", "agreed": "1"}))
    found = Elements(text).found
    (name,) = (values for tag, values in found if values.get("id") == "id_name")
    assert name["aria-invalid"] == "true" and "is-invalid" in name["class"]
    assert "id_name_error" in name["aria-describedby"].split()
    assert any(values.get("id") == "id_name_error" for _, values in found) and "This field is required." in text


def test_groups_have_a_legend() -> None:
    found = Elements(str(Sample())).found
    assert [tag for tag, _ in found if tag in ("fieldset", "legend")] == ["fieldset", "legend"]


def test_errors_of_the_form_come_first() -> None:
    form = Sample({})
    form.add_error(None, "Nothing was saved.")
    text = str(form)
    assert text.index('role="alert"') < text.index("id_name") and "Nothing was saved." in text


def test_texts_are_escaped() -> None:
    class Attack(forms.Form):
        field = forms.CharField(label=ATTACK, help_text=ATTACK, max_length=3)
        choice = forms.ChoiceField(label=ATTACK, choices=[(ATTACK, ATTACK)], widget=forms.RadioSelect)
        many = forms.MultipleChoiceField(label=ATTACK, choices=[(ATTACK, [(ATTACK, ATTACK)])], required=False)
        agreed = forms.BooleanField(label=ATTACK, help_text=ATTACK)

    form = Attack({"field": ATTACK, "choice": ATTACK + "x"})
    form.add_error(None, ATTACK)
    form.add_error("field", ATTACK)
    assert injections(str(form)) == []
