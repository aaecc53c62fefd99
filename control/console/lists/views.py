"""Saved views: what a person keeps of a list's address."""

from uuid import UUID

from control.accounts.actor import Actor
from control.console.models import SavedView
from control.errors import Conflict, FieldError, Invalid, validate

VIEWS_MAX = 30


def saved_views(actor: Actor, list_key: str) -> list[SavedView]:
    """Return the views that the actor keeps of a list."""
    return list(SavedView.objects.filter(user_id=UUID(actor.id), list_key=list_key))


def save_view(actor: Actor, list_key: str, name: str, query: str) -> SavedView:
    """Keep a view; one with the name is replaced. Raises Invalid, Conflict."""
    mine = SavedView.objects.filter(user_id=UUID(actor.id), list_key=list_key)
    view = mine.filter(name=name.strip()).first()
    if view is None:
        if mine.count() >= VIEWS_MAX:
            raise Conflict(f"you keep {VIEWS_MAX} views of this list already; delete one first")
        view = SavedView(user_id=UUID(actor.id), list_key=list_key, name=name.strip())
    if not query:
        raise Invalid(FieldError("", "search, filter or choose columns first; then there is a view to keep"))
    view.query = query
    validate(view)
    view.save()
    return view


def delete_view(actor: Actor, list_key: str, view_id: int) -> None:
    """Delete a view of the actor's; another person's is left alone."""
    SavedView.objects.filter(user_id=UUID(actor.id), list_key=list_key, pk=view_id).delete()
