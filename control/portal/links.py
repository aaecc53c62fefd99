"""Links as partners use them: their addresses, deep links that keep the click id, offers that they may promote."""

from urllib.parse import parse_qsl, urlsplit

import qrcode  # type: ignore[import-untyped]
from django.db.models import Exists, OuterRef, Q, QuerySet

from control.accounts.actor import Actor
from control.engine.edge import tracking_url
from control.program.access import visible_offers
from control.program.models import Approval, ApprovalStatus, Offer, OfferAccess, OfferStatus
from control.ui.marks import escape

_QR_BORDER_MODULES = 4


def link_address(code: str) -> str:
    """Return the address that visitors open; without a known address of the edges, the part after it."""
    return f"{tracking_url()}/c/{code}"


def promotable_offers(actor: Actor) -> QuerySet[Offer]:
    """Return the offers to which the partner's links work now. Raises Forbidden."""
    approved = Approval.objects.filter(
        offer=OuterRef("pk"), partner=actor.partner, status=ApprovalStatus.APPROVED
    )  # fmt: skip
    rows = visible_offers(actor).filter(status=OfferStatus.ACTIVE)
    return rows.filter(Q(access=OfferAccess.OPEN) | Exists(approved)).order_by("name", "number")


def deep_link(offer: Offer, page: str) -> str:
    """Return a landing page with the parameters of the offer's own page that carry ids, unless it has them already."""
    wanted = [part for part in urlsplit(offer.landing_url).query.split("&") if "{" in part]
    address, mark, fragment = page.partition("#")
    before, question, query = address.partition("?")
    given = {name for name, _ in parse_qsl(query, keep_blank_values=True)}
    added = [part for part in wanted if part.partition("=")[0] not in given]
    if not added:
        return page
    whole = "&".join([*([query] if query else []), *added])
    return f"{before}?{whole}{mark}{fragment}" if question or whole else page


def qr_svg(address: str, label: str) -> str:
    """Draw an address as a QR code: dark on white in both themes, because readers expect it."""
    code = qrcode.QRCode(border=_QR_BORDER_MODULES, error_correction=qrcode.constants.ERROR_CORRECT_M)
    code.add_data(address)
    code.make(fit=True)
    matrix = code.get_matrix()
    size = len(matrix)
    path = "".join(
        f"M{x} {y}h1v1h-1z" for y, row in enumerate(matrix) for x, is_dark in enumerate(row) if is_dark
    )  # fmt: skip
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" role="img" aria-label="{escape(label)}" '
        f'shape-rendering="crispEdges"><rect width="{size}" height="{size}" fill="#fff"/>'
        f'<path d="{path}" fill="#000"/></svg>'
    )
