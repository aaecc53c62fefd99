"""Forms: every field of every form is drawn by the templates of components."""

from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.forms.renderers import TemplatesSetting

CHECKS = (forms.CheckboxInput, forms.RadioSelect, forms.CheckboxSelectMultiple)


class StyledField(BoundField):
    """Field whose control has the classes of the design."""

    def as_widget(
        self, widget: forms.Widget | None = None, attrs: dict[str, Any] | None = None, only_initial: bool = False
    ) -> Any:
        """Draw the control with its class, and with `is-invalid` when it has errors."""
        widget = widget or self.field.widget
        kind = "form-control"
        if isinstance(widget, CHECKS):
            kind = "form-check-input"
        elif isinstance(widget, forms.Select):
            kind = "form-select"
        if str(widget.attrs.get("placeholder", "")).casefold().startswith(str(self.label).casefold()):
            del widget.attrs["placeholder"]  # it repeats the label
        given = dict(attrs or {})
        classes = (str(widget.attrs.get("class", "")), kind, "is-invalid" if self.errors else "")
        given["class"] = " ".join(name for name in classes if name)
        return super().as_widget(widget, given, only_initial)


class Renderer(TemplatesSetting):
    """Renderer of all forms: FORM_RENDERER of the settings."""

    form_template_name = "forms/form.html"
    field_template_name = "forms/field.html"
    bound_field_class = StyledField
