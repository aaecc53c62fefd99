"""Sessions in the database, as Django keeps them. They are read by a query whose text is fixed.

Every request reads one, and Django takes four times as long to write that query as to ask it.
"""

from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.models import Session
from django.utils import timezone

_QUERY = f"SELECT session_key, session_data, expire_date FROM {Session._meta.db_table} WHERE session_key = %s"


class SessionStore(DatabaseStore):
    """Store of sessions; the setting SESSION_ENGINE names its module."""

    def _get_session_from_db(self) -> Session | None:
        """Return the session if it has not expired; without one, a new key is made for the next."""
        for session in Session.objects.raw(_QUERY, [self.session_key]):
            if session.expire_date > timezone.now():
                return session
        self._session_key = None
        return None
