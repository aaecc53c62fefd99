"""Texts of models: one canonical text per model, and an error for each mistake."""

import pytest

from schemas.values.model_names import DATA_DRIVEN, MODEL_NAMES, BadModel, Model, parse_model


@pytest.mark.parametrize(
    ("text", "name", "parameters"),
    [
        ("last_click", "last_click", ()),
        (" linear ", "linear", ()),
        ("position", "position", (2, 1, 2)),
        ("position(40, 20, 40)", "position", (2, 1, 2)),
        ("position(30,40,30)", "position(3,4,3)", (3, 4, 3)),
        ("position(0.5,0,0.25)", "position(2,0,1)", (2, 0, 1)),
        ("w_shaped", "w_shaped", (3, 3, 3, 1)),
        ("w_shaped(1,2,3,4)", "w_shaped(1,2,3,4)", (1, 2, 3, 4)),
        ("time_decay", "time_decay", (604_800_000_000,)),
        ("time_decay(168h)", "time_decay", (604_800_000_000,)),
        ("time_decay(36h)", "time_decay(36h)", (129_600_000_000,)),
        ("custom(50,30,20)", "custom(5,3,2)", (5, 3, 2)),
        ("custom(1)", "custom(1)", (1,)),
    ],
)
def test_a_model_has_one_text(text: str, name: str, parameters: tuple[int, ...]) -> None:
    model = parse_model(text)
    assert (model.text, model.parameters) == (name, parameters)
    assert parse_model(model.text) == model


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "there is no such model"),
        ("magic", "there is no such model"),
        ("Last_Click", "there is no such model"),
        ("linear()", "linear has no parameters"),
        ("time_decay(0d)", "longer than 0"),
        ("time_decay(-3d)", "whole number and a unit"),
        ("time_decay(nan)", "whole number and a unit"),
        ("time_decay()", "whole number and a unit"),
        ("position(1,2)", "has 3 weights"),
        ("position(1,nan,2)", "0 to 1000"),
        ("position(1,inf,2)", "0 to 1000"),
        ("position(1,-1,2)", "0 to 1000"),
        ("position(1,x,2)", "weights are numbers"),
        ("position(1,,2)", "weights are numbers"),
        ("position(0,0,0)", "without any credit"),
        ("position(0.0000001,1,1)", "at most 6 decimals"),
        ("w_shaped(0,5,0,0)", "without any credit"),
        ("custom", "needs weights"),
        ("custom(0,1)", "for the last touch, must be above 0"),
        (f"custom({','.join(['1'] * 101)})", "at most 100"),
    ],
)
def test_errors_describe_the_mistake(text: str, said: str) -> None:
    with pytest.raises(BadModel, match=said):
        parse_model(text)


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_every_name_can_be_written(name: str) -> None:
    assert parse_model(f"{name}(3,2)" if name == "custom" else name).name == name


@pytest.mark.parametrize("name", DATA_DRIVEN)
@pytest.mark.parametrize("inner", ["", "(2)"])
def test_data_driven_models_pay_by_a_fit(name: str, inner: str) -> None:
    with pytest.raises(BadModel) as found:
        parse_model(name + inner)
    for said in (f"clew attribute --model {name}", "clew fit RUN", "fitted(ID)"):
        assert said in str(found.value)


def test_a_fit_is_named_by_its_id() -> None:
    assert parse_model(" fitted( 0a1b2c3d4e5f )") == Model("fitted(0a1b2c3d4e5f)", "fitted", fit="0a1b2c3d4e5f")
    for text in ("fitted", "fitted()", "fitted(7)", "fitted(0A1B2C3D4E5F)", "fitted(0a1b2c3d4e5f0)"):
        with pytest.raises(BadModel, match=r"needs the id of a \[\[fits\]\] table, 12 hex digits"):
            parse_model(text)
