"""Answer with the PDF of a contract, for console and portal."""

from django.http import HttpResponse

from control.contracts.archive import content_of
from control.contracts.models import Contract
from control.errors import NotFound


def pdf_answer(contract: Contract) -> HttpResponse:
    """Return the PDF as a file to keep. Raises NotFound before the contract is accepted."""
    if contract.pdf is None:
        raise NotFound(f"{contract} has no PDF before it is accepted")
    answer = HttpResponse(content_of(contract.pdf), content_type="application/pdf")
    answer["Content-Disposition"] = f'attachment; filename="{contract}.pdf"'
    answer["X-Content-Type-Options"] = "nosniff"
    return answer
