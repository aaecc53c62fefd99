"""Index of the program for the edge: landing URLs and host lists compiled on first use, proxies as networks.

What was compiled for an offer is used again by the next index if the offer is the same, so a new link costs nothing.
"""

from collections.abc import Iterable

from program.entries import Link
from program.landing_hosts import Allowed, allowed_of
from program.program import Program, Secrets
from program.routes import OfferRoute
from program.routes_tree import RoutesTree
from program.terms import OfferTerms
from tracker.masking import spellings_of
from tracker.offers.codes_without_case import CodesWithoutCase
from tracker.offers.landing_url import Landing, compile_landing, escaped
from tracker.request.client_ip import networks_of
from tracker.request.text import shortened, trimmed

PAGES_MAX = 10_000
"""Most landing pages of an offer's links that are kept compiled; more are compiled again when they are asked for."""


class IndexedOffer:
    """An offer with its landing URL and allowed hosts compiled."""

    __slots__ = ("_pages", "allowed", "goals", "id", "landing", "pass_through", "reopen", "route", "status", "terms")

    def __init__(self, number: int, route: OfferRoute, terms: OfferTerms) -> None:
        self.route, self.terms = route, terms
        self.id, self.status, self.pass_through = number, route.status, route.pass_through
        self.goals, self.reopen = frozenset(goal.key for goal in terms.goals), terms.reopen
        self.landing: Landing = compile_landing(route.landing_url)
        self.allowed: Allowed = allowed_of(route.landing_url, route.allowed_hosts)
        self._pages: dict[str, Landing] = {}

    def landing_of(self, own_url: str) -> Landing:
        """Return the landing page that a link has instead of the offer's, compiled when it is first asked for.

        If the offer does not allow its host any more, the visitor is sent to the landing page of the offer.
        """
        page = self._pages.get(own_url)
        if page is None:
            if len(self._pages) >= PAGES_MAX:
                self._pages.clear()
            page = compile_landing(own_url) if self.allowed.holds_page(own_url) else self.landing
            self._pages[own_url] = page
        return page


class _SecretForms:
    """Secrets of a program in all forms in which a hit may contain them."""

    __slots__ = ("_keys", "_of_offers", "_secrets", "spellings", "texts")

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        known: Iterable[str] = (*secrets.api_keys, *secrets.postback_secrets.values())
        self.texts = frozenset(form for secret in known if secret for form in (secret, shortened(secret)))
        self._keys = spellings_of(secrets.api_keys)
        self.spellings = spellings_of(tuple(self.texts))
        self._of_offers: dict[int, tuple[bytes, ...]] = {}

    def of_offer(self, offer_id: int) -> tuple[bytes, ...]:
        found = self._of_offers.get(offer_id)
        if found is None:
            own = self._secrets.postback_secrets.get(offer_id, "")
            found = self._of_offers[offer_id] = (*self._keys, *spellings_of((own,) if own else ()))
        return found


class ProgramIndex:
    """The program in use, indexed. Raises ValueError if a trusted proxy is not a network.

    `tree` has the routes of a published program; without it they are those of `program`. `before` is the index that
    this one replaces: what did not change is taken from it.
    """

    __slots__ = (
        "_codes",
        "_find_offer",
        "_links_without_case",
        "_offers",
        "_offers_before",
        "_secrets",
        "_tree",
        "all_secrets",
        "exact_link",
        "fallback_url",
        "partner_status",
        "program",
        "proxies",
        "terms",
        "trusts_links",
    )

    def __init__(self, program: Program, tree: RoutesTree | None = None, before: "ProgramIndex | None" = None) -> None:
        self.program, self.terms, routes = program, program.terms, program.routes
        self._tree = tree
        self._codes: CodesWithoutCase = before._codes if before is not None else CodesWithoutCase()
        self.exact_link = routes.links.get if tree is None else tree.link
        self._find_offer = routes.offers.get if tree is None else tree.offer
        self.partner_status = routes.partners.get if tree is None else tree.partner
        head = routes if tree is None else tree.head
        self.proxies = networks_of(head.trusted_proxies)
        self.fallback_url = escaped(head.fallback_url)
        self._links_without_case: dict[str, Link | None] | None = None
        self.trusts_links = program.terms.link_user_id == "trusted"
        self._offers: dict[int, IndexedOffer] = {}
        self._offers_before: dict[int, IndexedOffer] = before._offers if before is not None else {}
        known = before is not None and before.program.secrets is program.secrets
        self._secrets: _SecretForms = before._secrets if before is not None and known else _SecretForms(program.secrets)
        self.all_secrets = self._secrets.spellings

    def link(self, code: str) -> Link | None:
        """Return the link of a code as it was asked for.

        Slashes and blanks around a code are ignored, and so is its case if exactly one link fits.
        """
        link = self.exact_link(code)
        if link is not None:
            return link
        code = trimmed(trimmed(code).strip("/"))
        link = self.exact_link(code)
        if link is not None:
            return link
        if self._tree is not None:
            return self._codes.find(self._tree, code.lower())
        return self._by_code_without_case().get(code.lower())

    def _by_code_without_case(self) -> dict[str, Link | None]:
        """Links by their code in lower case; None where several have it. Built when it is first needed."""
        if self._links_without_case is None:
            found: dict[str, Link | None] = {}
            for code, link in self.program.routes.links.items():
                found[code.lower()] = None if code.lower() in found else link
            self._links_without_case = found
        return self._links_without_case

    def offer(self, offer_id: int) -> IndexedOffer | None:
        """Return the offer with that number; None if the program has none."""
        compiled = self._offers.get(offer_id)
        if compiled is None:
            route, terms = self._find_offer(offer_id), self.terms.offers.get(offer_id)
            if route is None or terms is None:
                return None
            compiled = self._offers_before.pop(offer_id, None)
            if compiled is None or compiled.route != route or compiled.terms != terms:
                compiled = IndexedOffer(offer_id, route, terms)
            self._offers[offer_id] = compiled
        return compiled

    def secrets_of(self, offer_id: int) -> tuple[bytes, ...]:
        """Return the secrets that a sender of an offer's hits may know: its own, and the API keys."""
        return self._secrets.of_offer(offer_id)

    def is_secret(self, text: str) -> bool:
        """Return whether the text is one of the program's secrets, whatever field it was sent in."""
        return text in self._secrets.texts
