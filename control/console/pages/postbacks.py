"""Postback tester: the URL of an offer, and how Clew reads a postback that an advertiser's server sends."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.audit.record import Change, record
from control.changes import changing
from control.console.access import page
from control.console.pages.hits import OFFERS_MAX, sentence
from control.console.postback_result import result_context
from control.console.postback_url import postback_url as url_for
from control.engine.edge import EdgeAnswer, send_postback, tracking_url
from control.engine.hits import inspect_postback
from control.engine.postback_text import CONTENT_TYPES, TEXT_CHARS_MAX, read_pasted
from control.errors import Invalid, NotFound, Refused, Unavailable
from control.partners.access import sees_all
from control.program.access import visible_offers
from control.program.load import program_settings
from control.program.models import Offer, SealedSecret
from control.ui.table import Cell, Column, Row, Table


@page(Area.REPORTS)
def index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show the URL of an offer, and read a postback; nothing is recorded unless somebody sends it for real."""
    context: dict[str, Any] = {
        "title": "Postback tester",
        "may_send": actor.may(Area.PROGRAM, Action.WRITE),
        "knows_edge": bool(tracking_url()),
        "content_types": [(value, value or "by its content") for value in CONTENT_TYPES],
        **_offer_context(request, actor),
    }
    if request.method == "POST":
        context.update(_posted(request, actor))
    if context.get("ask"):
        return render(request, "console/postback_send.html", context)
    return render(request, "console/postbacks.html", context)


def _offer_context(request: HttpRequest, actor: Actor) -> dict[str, Any]:
    """Return the choice of offers and goals, and the URL of the chosen one."""
    offers = list(visible_offers(actor).order_by("name")[:OFFERS_MAX])
    asked = request.GET.get("offer", "")
    chosen = next((row for row in offers if str(row.number) == asked), offers[0] if offers else None)
    if chosen is None:
        return {"offers": [], "offer": None}
    goals = [(goal["key"], goal["name"]) for goal in chosen.goals]
    goal = request.GET.get("goal", "")
    goal = goal if goal in dict(goals) else goals[0][0]
    return {
        "offers": [(str(row.number), row.name) for row in offers],
        "offer": str(chosen.number),
        "goals": goals,
        "goal": goal,
        **_url_context(chosen, goal),
    }


def _url_context(offer: Offer, goal: str) -> dict[str, Any]:
    has_secret = SealedSecret.objects.filter(offer_id=offer.number).exists()
    base = tracking_url() or "https://your-tracking-domain"
    made = url_for(base, offer.landing_url, goal, program_settings().currency, has_secret=has_secret)
    rows = [
        Row([Cell(macro.name, code=True), Cell(macro.meaning, note="required" if macro.required else "")])
        for macro in made.macros
    ]
    table = Table("Parameters", [Column("Parameter"), Column("What to put there")], rows)
    return {"url": made.url, "macros": table, "has_secret": has_secret, "is_published": offer.published}


def _posted(request: HttpRequest, actor: Actor) -> dict[str, Any]:
    """Read what was pasted; then ask an edge, or send it, if a button says so."""
    get, wish = request.POST.get, request.POST.get("do", "check")
    pasted, body = get("pasted", "")[:TEXT_CHARS_MAX], get("body", "")[:TEXT_CHARS_MAX]
    content_type = get("content_type", "") if get("content_type", "") in CONTENT_TYPES else ""
    context: dict[str, Any] = {"pasted": pasted, "body": body, "content_type": content_type}
    if not pasted.strip() and not body.strip():
        return {**context, "form_error": "Paste a postback URL, or only the part after the question mark."}
    read = read_pasted(pasted, tracking_url())
    try:
        found = inspect_postback(actor, read.query, body, content_type)
    except (Unavailable, Invalid, NotFound) as error:
        return {**context, "form_error": sentence(error)}
    context.update(result_context(actor, found, read.address_mistake))
    if wish == "try":
        context.update(_sent(read.query, body, content_type, test=True))
    elif wish == "send" and not _may_send(actor, found):
        context["form_error"] = "Your role does not allow sending this postback."
    elif wish == "send" and get("sure") != "1":
        context["ask"] = True
    elif wish == "send":
        context.update(_send_for_real(actor, found, read.query, body, content_type))
    return context


def _may_send(actor: Actor, found: Mapping[str, Any]) -> bool:
    """Return whether an actor may send a postback: those who see some partners only send for one of them."""
    return actor.may(Area.PROGRAM, Action.WRITE) and (bool(found["partner_id"]) or sees_all(actor, Area.REPORTS))


def _send_for_real(actor: Actor, found: Mapping[str, Any], query: str, body: str, content_type: str) -> dict[str, Any]:
    """Send the postback and record who did it; of its content only the order, never a secret."""
    answered = _sent(query, body, content_type, test=False)
    if "answer" in answered:
        after = {"txn_id": found["txn_id"], "amount": found["amount"], "currency": found["currency"]}
        status = {"answer": str(answered["answer"].status)}
        with changing(actor):
            record(
                Change(
                    "sent", "postback", str(found["conversion_id"] or "0"), str(found["txn_id"]), None, after | status
                )
            )
    return answered


def _sent(query: str, body: str, content_type: str, *, test: bool) -> dict[str, Any]:
    try:
        answer: EdgeAnswer = send_postback(query, test=test, body=body, content_type=content_type)
    except Refused as error:
        return {"answer_error": sentence(error)}
    return {"answer": answer, "was_test": test, "answer_is_good": answer.status == 200}
