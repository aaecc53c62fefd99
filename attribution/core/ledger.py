"""Double-entry journals of commissions: append-only, with a sum of zero per currency. Pure.

There is one journal per commission: an expense, and a debt of the same amount to the partner. A correction is a
journal with opposite signs whose entries name the originals. All ids derive from inputs, so a retry writes the same
rows.
"""

from collections.abc import Iterable
from hashlib import blake2b

from schemas.fields import NO_DIGEST
from schemas.tables import Commission, Entry

EXPENSE = "commission_expense"
PAYABLE = "partner_payable"


class Unbalanced(Exception):
    """A journal does not add up to zero in each currency. It must not be written; a stored one is damaged."""


def derived_id(*parts: object) -> bytes:
    """Return the 16-byte BLAKE2b of the parts. Each part is prefixed with its length."""
    digest = blake2b(digest_size=16)
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode()
        digest.update(len(data).to_bytes(4, "big") + data)
    return digest.digest()


def commission_id(conversion_id: bytes, partner_id: int, plan: str, rule: str, currency: str, revision: int) -> bytes:
    """Return the id of a commission: one per conversion, partner, plan, rule, currency and revision."""
    return derived_id("commission", conversion_id, partner_id, plan, rule, currency, revision)


def reversal_id(original: bytes, revision: int) -> bytes:
    """Return the id of the commission that reverses another one in a later revision."""
    return derived_id("reversal", original, revision)


def journal_id(commission: bytes) -> bytes:
    return derived_id("journal", commission)


def entry_id(journal: bytes, account: str) -> bytes:
    return derived_id("entry", journal, account)


def journal_of(commission: Commission, posted_ts: int) -> list[Entry]:
    """Return the two entries of a commission or of its reversal; debits are positive, credits negative."""
    journal = journal_id(commission.commission_id)
    original = journal_id(commission.reverses) if commission.reverses != NO_DIGEST else b""
    return [
        Entry(
            entry_id=entry_id(journal, account),
            journal_id=journal,
            ts=posted_ts,
            account=account,
            partner_id=commission.partner_id,
            amount_minor=amount,
            currency=commission.currency,
            conversion_id=commission.conversion_id,
            commission_id=commission.commission_id,
            reverses=entry_id(original, account) if original else NO_DIGEST,
        )
        for account, amount in ((EXPENSE, commission.amount_minor), (PAYABLE, -commission.amount_minor))
    ]


def check_balanced(entries: Iterable[Entry]) -> None:
    """Raise Unbalanced with the first journal that does not add up to zero in each currency."""
    sums: dict[tuple[bytes, str], int] = {}
    for entry in entries:
        key = (entry.journal_id, entry.currency)
        sums[key] = sums.get(key, 0) + entry.amount_minor
    for (journal, currency), total in sorted(sums.items()):
        if total:
            raise Unbalanced(f"journal {journal.hex()} adds up to {total} minor units of {currency}, not 0")
