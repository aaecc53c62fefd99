"""Index of the program for the edge: landing URLs and host lists compiled on first use, proxies as networks."""

from collections.abc import Iterable

from program.entries import Link
from program.program import Program
from program.routes import OfferRoute
from program.terms import OfferTerms
from tracker.masking import spellings_of
from tracker.offers.deep_link import Allowed, allowed_of
from tracker.offers.landing_url import Landing, compile_landing, escaped
from tracker.request.client_ip import networks_of
from tracker.request.text import shortened, trimmed


class IndexedOffer:
    """An offer with its landing URL and allowed hosts compiled."""

    __slots__ = ("allowed", "goals", "id", "landing", "pass_through", "reopen", "status")

    def __init__(self, number: int, route: OfferRoute, terms: OfferTerms) -> None:
        self.id, self.status, self.pass_through = number, route.status, route.pass_through
        self.goals, self.reopen = frozenset(goal.key for goal in terms.goals), terms.reopen
        self.landing: Landing = compile_landing(route.landing_url)
        self.allowed: Allowed = allowed_of(route.landing_url, route.allowed_hosts)


class ProgramIndex:
    """The program in use, indexed. Raises ValueError if a trusted proxy is not a network."""

    __slots__ = (
        "_keys",
        "_links_without_case",
        "_offers",
        "_secrets",
        "_secrets_of_offers",
        "all_secrets",
        "fallback_url",
        "links",
        "partners",
        "program",
        "proxies",
        "terms",
        "trusts_links",
    )

    def __init__(self, program: Program) -> None:
        self.program, self.terms, routes = program, program.terms, program.routes
        self.links, self.partners = routes.links, routes.partners
        self.proxies = networks_of(routes.trusted_proxies)
        self.fallback_url = escaped(routes.fallback_url)
        self._links_without_case: dict[str, Link | None] | None = None
        self.trusts_links = program.terms.link_user_id == "trusted"
        self._offers: dict[int, IndexedOffer] = {}
        secrets: Iterable[str] = (*program.secrets.api_keys, *program.secrets.postback_secrets.values())
        self._secrets = frozenset(form for secret in secrets if secret for form in (secret, shortened(secret)))
        self._keys = spellings_of(program.secrets.api_keys)
        self.all_secrets = spellings_of(tuple(self._secrets))
        self._secrets_of_offers: dict[int, tuple[bytes, ...]] = {}

    def link(self, code: str) -> Link | None:
        """Return the link of a code as it was asked for.

        Slashes and blanks around a code are ignored, and so is its case if exactly one link fits.
        """
        link = self.links.get(code)
        if link is not None:
            return link
        code = trimmed(trimmed(code).strip("/"))
        return self.links.get(code) or self._by_code_without_case().get(code.lower())

    def _by_code_without_case(self) -> dict[str, Link | None]:
        """Links by their code in lower case; None where several have it. Built when it is first needed."""
        if self._links_without_case is None:
            found: dict[str, Link | None] = {}
            for code, link in self.links.items():
                found[code.lower()] = None if code.lower() in found else link
            self._links_without_case = found
        return self._links_without_case

    def offer(self, offer_id: int) -> IndexedOffer | None:
        """Return the offer with that number; None if the program has none."""
        compiled = self._offers.get(offer_id)
        if compiled is None:
            route, terms = self.program.routes.offers.get(offer_id), self.terms.offers.get(offer_id)
            if route is None or terms is None:
                return None
            compiled = self._offers[offer_id] = IndexedOffer(offer_id, route, terms)
        return compiled

    def secrets_of(self, offer_id: int) -> tuple[bytes, ...]:
        """Return the secrets that a sender of an offer's hits may know: its own, and the API keys."""
        found = self._secrets_of_offers.get(offer_id)
        if found is None:
            own = self.program.secrets.postback_secrets.get(offer_id, "")
            found = self._secrets_of_offers[offer_id] = (*self._keys, *spellings_of((own,) if own else ()))
        return found

    def is_secret(self, text: str) -> bool:
        """Return whether the text is one of the program's secrets, whatever field it was sent in."""
        return text in self._secrets
