"""Answer with the file of an export, for API and console."""

from uuid import UUID

from django.http import HttpResponse, StreamingHttpResponse

from control.accounts.actor import Actor
from control.exports.services import file_of
from control.files.store import read_chunks


def export_answer(actor: Actor, export_id: UUID) -> HttpResponse:
    """Send the file. Raises NotFound, Conflict, Forbidden."""
    file = file_of(actor, export_id)
    answer = StreamingHttpResponse(read_chunks(file), content_type=file.content_type)
    answer["Content-Disposition"] = f'attachment; filename="{file.name}"'
    answer["Content-Length"] = str(file.size_bytes)
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Cache-Control"] = "private, no-store"
    return answer  # type: ignore[return-value]
