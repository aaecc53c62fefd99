"""Archive of accepted contracts: the page that was shown, the PDF, and the evidence as one file. Nothing changes."""

import io
import json
import zipfile
from collections.abc import Iterator
from html import escape

from control.contracts.models import Acceptance, Contract
from control.contracts.pdf import pdf_of
from control.contracts.texts import hash_of, html_of
from control.errors import Conflict
from control.files.models import StoredFile
from control.files.store import read_chunks, store_file

FILE_BYTES_MAX = 16 * 1024**2
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)


def page_of(contract: Contract) -> str:
    """Return the text of a contract as a page that needs nothing else."""
    title = escape(f"{contract.version.template.name} {contract}")
    return (
        f'<!doctype html><html lang="{escape(contract.locale)}"><head><meta charset="utf-8"><title>{title}</title>'
        f"</head><body>{html_of(contract.text)}</body></html>"
    )


def store_snapshot(contract: Contract) -> StoredFile:
    """Store the page that was shown, in the open transaction."""
    return store_file(f"{contract}.html", "text/html", [page_of(contract).encode()], FILE_BYTES_MAX)


def store_pdf(contract: Contract, evidence: Acceptance) -> tuple[StoredFile, str]:
    """Make the PDF of an accepted text and store it, in the open transaction; return it with its hash."""
    facts = [
        ("Contract", f"{contract} ({contract.version.template.code} version {contract.version.number})"),
        ("Accepted by", f"{evidence.typed_name} <{evidence.person_email}>"),
        ("Time", evidence.at.isoformat()),
        ("Address", evidence.ip),
        ("SHA-256 of the text", evidence.sha256),
    ]
    content = pdf_of(contract.text, facts, evidence.at)
    return store_file(f"{contract}.pdf", "application/pdf", [content], FILE_BYTES_MAX), hash_of(content)


def content_of(file: StoredFile) -> bytes:
    """Return a stored file."""
    return b"".join(read_chunks(file))


def evidence_zip(contract: Contract) -> bytes:
    """Return text, hash, evidence, page and PDF of an accepted contract. Raises Conflict."""
    evidence = Acceptance.objects.filter(contract=contract).select_related("snapshot").first()
    if evidence is None or contract.pdf is None:
        raise Conflict(f"{contract} is {contract.state}; there is evidence once it is accepted")
    facts = {
        "contract": str(contract), "partner": contract.partner_id, "template": contract.version.template.code,
        "version": contract.version.number, "version_sha256": contract.version.sha256, "values": contract.values,
        "text_sha256": contract.sha256, "pdf_sha256": contract.pdf_sha256, "acceptance": evidence.to_json(),
        "countersigned_by": contract.countersigned_by,
        "countersigned": contract.countersigned.isoformat() if contract.countersigned else None,
    }  # fmt: skip
    files = {
        "text.md": contract.text.encode(),
        "evidence.json": json.dumps(facts, ensure_ascii=False, indent=2, sort_keys=True).encode(),
        "snapshot.html": content_of(evidence.snapshot),
        "contract.pdf": content_of(contract.pdf),
    }
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, _ZIP_TIME), content)
    return made.getvalue()


def altered_contracts() -> Iterator[str]:
    """Yield contracts whose text, page or PDF is not what was accepted."""
    for contract in Contract.objects.select_related("acceptance", "version", "pdf").iterator(chunk_size=100):
        if hash_of(contract.text) != contract.sha256:
            yield f"{contract}: the text does not have its hash"
        if contract.pdf is not None and _hash_of_file(contract.pdf) != contract.pdf_sha256:
            yield f"{contract}.pdf: the file does not have its hash"
        evidence = getattr(contract, "acceptance", None)
        if evidence is not None and evidence.sha256 != contract.sha256:
            yield f"{contract}: another text was accepted than the one that is stored"


def _hash_of_file(file: StoredFile) -> str:
    try:
        return hash_of(content_of(file))
    except Exception as error:  # noqa: BLE001 - bytes that cannot be unpacked are what the check looks for
        return f"cannot be read: {type(error).__name__}"
