"""Parts of an application as its page shows them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils import timezone
from django.utils.timesince import timesince, timeuntil

from control.accounts.actor import Actor
from control.accounts.roles import Area
from control.applications.models import Application
from control.applications.selectors import visible_applications
from control.applications.states import ApplicationStatus
from control.applications.weights import part_text
from control.custom_forms.definition import FieldDefinition, text_in
from control.partners.access import visible_partners
from control.partners.models import Partner
from control.reasons.models import ReasonArea
from control.reasons.services import reason_of
from control.ui.moments import second_text
from control.ui.states import state_text
from control.ui.table import Cell, Column, Row, Table

SIDE_BY_SIDE_MAX = 3
_NOTE_TITLES = {"question": "Question", "answer": "Answer", "note": "Internal note"}


def fact_rows(application: Application) -> list[tuple[str, Any]]:
    """Return what is known besides the answers."""
    source = ", ".join(f"{name} {value}" for name, value in application.source.items())
    reason = reason_of(ReasonArea.APPLICATION, application.reason) if application.reason else None
    rows = [
        ("E-mail", application.email), ("Form", f"{application.form.name}, version {application.version.number}"),
        ("Sent", second_text(application.submitted)),
        ("Address verified", second_text(application.verified) if application.verified else "Not yet"),
        ("Due", _due_text(application)), ("Assigned to", str(application.assigned or "Nobody")),
        ("Comes from", source), ("Referred by", str(application.referred_by or "")),
        ("Language", application.locale),
    ]  # fmt: skip
    if application.decided is not None:
        by = f"rule {application.rule}" if application.rule else application.decided_by
        rows += [("Decided", f"{second_text(application.decided)} by {by}" if by else second_text(application.decided))]
    if reason is not None:
        rows += [("Reason", reason.text_in("en")), ("Text for the applicant", application.reason_text)]
    if application.partner is not None:
        rows += [("Partner", f"{application.partner.name} ({application.partner_id})")]
    return rows


def _due_text(application: Application) -> str:
    if application.status == ApplicationStatus.NEEDS_INFO:
        return "The clock stands still until the applicant answers."
    if application.due is None:
        return ""
    now = timezone.now()
    left = (
        f"{timesince(application.due, now)} late" if application.due < now else f"in {timeuntil(application.due, now)}"
    )
    return f"{second_text(application.due)} UTC ({left})"


def answer_rows(application: Application) -> list[dict[str, str]]:
    """Return the answers with the labels of their fields; a file has an address."""
    rows = []
    for field in application.definition.fields:
        if field.key not in application.answers:
            continue
        value = application.answers[field.key]
        href = ""
        if isinstance(value, dict) and "file" in value:
            href = reverse("console_application_file", args=[application.pk, value["file"]])
        rows.append({"label": field.label_in("en"), "text": answer_text(field, value), "href": href})
    return rows


def answer_text(field: FieldDefinition, value: Any) -> str:
    """Write an answer for people."""
    if isinstance(value, dict):
        return f"{value.get('name', '')} ({value.get('size_bytes', 0) // 1024 + 1} KiB)"
    if field.options:
        labels = {option.value: text_in(option.label, "en") or option.value for option in field.options}
        return ", ".join(labels.get(item, str(item)) for item in (value if isinstance(value, list) else [value]))
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return str(value)


def part_table(application: Application) -> Table:
    """Return the parts of the score with their evidence."""
    return Table(
        "Parts of the score", [Column("Part"), Column("Points", numeric=True), Column("Evidence")],
        [
            Row([part_text(part["code"]), Cell(f"{part['points']:+d}", badge="good" if part["points"] > 0 else "bad"),
                 part["evidence"]])
            for part in application.parts
        ],
    )  # fmt: skip


def note_rows(application: Application) -> list[dict[str, Any]]:
    """Return questions, answers and notes, newest first."""
    return [
        {
            "title": _NOTE_TITLES[note["kind"]], "text": note["text"], "time": datetime.fromisoformat(note["at"]),
            "who": note["by"], "icon": "message" if note["kind"] != "note" else "pencil", "tone": "info",
        }
        for note in reversed(application.notes)
    ]  # fmt: skip


def duplicate_table(actor: Actor, application: Application) -> Table | None:
    """Return the application and its first duplicates side by side; None without duplicates that the actor may see."""
    others = [found for entry in application.duplicates if (found := _other(actor, entry)) is not None]
    if not others:
        return None
    others = others[:SIDE_BY_SIDE_MAX]
    own = {
        "Name": application.name, "State": state_text(application.status), "E-mail": application.email,
        "Company": application.company, "Website": application.website, "Country": application.country,
        "Tax number": application.tax_id,
    }  # fmt: skip
    rows = [
        Row([label, value, *(Cell(other[label], badge="warn" if _same(label, value, other) else None)
                             for _, _, other in others)])
        for label, value in own.items()
    ]  # fmt: skip
    rows.append(Row(["Shown by", "", *(other["Shown by"] for _, _, other in others)]))
    rows.append(Row(["Page", "", *(Cell("Open", href=href) for _, href, _ in others)]))
    heads = [Column(title) for title, _, _ in others]
    return Table("Side by side", [Column("Field"), Column("This application"), *heads], rows)


def _same(label: str, value: str, other: dict[str, str]) -> bool:
    return bool(value) and label != "State" and value.casefold() == other[label].casefold()


def _other(actor: Actor, entry: dict[str, Any]) -> tuple[str, str, dict[str, str]] | None:
    """Return title, address and values of a duplicate; None if the actor may not see it."""
    row: Partner | Application | None
    if entry["of"] == "partner":
        row = visible_partners(actor, Area.PARTNERS).filter(number=int(entry["id"])).first()
        href = reverse("console_partner", args=[entry["id"]])
        title, tax_id = f"Partner {entry['id']}", str(row.custom.get("tax_id", "")) if row is not None else ""
    else:
        row = visible_applications(actor).filter(pk=UUID(entry["id"])).first()
        href, title = reverse("console_application", args=[entry["id"]]), "Application"
        tax_id = row.tax_id if row is not None else ""
    if row is None:
        return None
    values = {
        "Name": row.name, "State": state_text(row.status), "E-mail": row.email, "Company": row.company,
        "Website": row.website, "Country": row.country, "Tax number": tax_id,
        "Shown by": ", ".join(entry["evidence"]),
    }  # fmt: skip
    return title, href, values
