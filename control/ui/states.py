"""States of objects: the tone that each has on every page."""

from control.ui.table import Tone

TONES: dict[str, Tone] = {
    **dict.fromkeys(
        ("active", "approved", "published", "won", "paid", "accepted", "done", "live", "delivered"), "good"
    ),
    **dict.fromkeys(("applied", "requested", "pending", "needs_info", "expiring", "paused", "held", "late"), "warn"),
    **dict.fromkeys(("suspended", "rejected", "failed", "dead", "lost", "terminated", "error", "expired"), "bad"),
    **dict.fromkeys(("invited", "sent", "viewed", "new", "running", "offered", "created", "changed"), "info"),
    **dict.fromkeys(("countersigned", "working", "scheduled"), "accent"),
}


def state_tone(state: object) -> Tone:
    """Return the tone of a state; one without an entry is neutral."""
    return TONES.get(str(state), "neutral")


def state_text(state: object) -> str:
    """Write a state for people: `needs_info` is "Needs info"."""
    text = str(state).replace("_", " ")
    return text[:1].upper() + text[1:]
