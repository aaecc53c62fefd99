"""Field for the time of a change, in the zone of the program."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms

from control.program.load import program_settings

_FORMAT = "%Y-%m-%dT%H:%M"


def program_zone() -> ZoneInfo:
    """Return the zone of the program."""
    return ZoneInfo(program_settings().timezone)


def local_text(moment: datetime) -> str:
    """Write a time in the zone of the program."""
    zone = program_zone()
    return f"{moment.astimezone(zone):%a %d %b %Y, %H:%M} {zone.key}"


class WhenField(forms.Field):
    """Time without a zone, read in the zone of the program."""

    def __init__(self, zone: ZoneInfo, **options: Any) -> None:
        widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format=_FORMAT)
        super().__init__(required=False, widget=widget, **options)
        self._zone = zone

    def to_python(self, value: Any) -> datetime | None:
        """Read a time. Raises ValidationError."""
        if not value:
            return None
        try:
            local = datetime.strptime(str(value)[:16], _FORMAT).replace(tzinfo=self._zone)
            moment = local.astimezone(UTC)
            there = moment.astimezone(self._zone)
        except (ValueError, OverflowError):
            raise forms.ValidationError("write the time as 2027-05-31T18:00") from None
        if there.replace(tzinfo=None) != local.replace(tzinfo=None):
            raise forms.ValidationError(f"there is no such time in {self._zone.key}: the clocks go forward then")
        return moment


def add_when(form: forms.Form, text: str = "Leave it empty for now.") -> None:
    """Add the field `at` to a form."""
    zone = program_zone()
    form.fields["at"] = WhenField(zone, label="When", help_text=f"In {zone.key}. {text}")


class WhenForm(forms.Form):
    """Time of a change of marked rows."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        add_when(self)

    def clean(self) -> dict[str, Any]:
        """Write the time as a text, because the values of bulk changes are stored as JSON."""
        at = self.cleaned_data.get("at")
        return {"at": at.isoformat() if at is not None else ""}
