"""Sessions that end: after a time, of one person, of a whole schema.

They lie in the schema of their people, so that a session of one tenant is not found by another.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

BEGAN: Final = "began"
SEEN: Final = "seen"
_NOTED_EVERY: Final = 60
"""Seconds between two notes that a person was seen, so that reading does not mean writing."""


class SessionLimitsMiddleware:
    """End a session SESSION_COOKIE_AGE after sign-in, and SESSION_IDLE_SECONDS without its person.

    What a page asks by itself (SESSION_PASSIVE_PATHS) is no sign of the person.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # A bearer does not come by session, and a visitor has none: neither costs a query.
        if settings.SESSION_COOKIE_NAME in request.COOKIES and not getattr(
            request, "credential", None
        ):
            _limit(request)
        return self.get_response(request)


def _limit(request: HttpRequest) -> None:
    session, now = request.session, int(time.time())
    if SESSION_KEY not in session:
        return
    if is_over(session, now=now):
        session.flush()
        request.user = AnonymousUser()
        return
    passive = settings.SESSION_PASSIVE_PATHS.fullmatch(request.path)
    if not passive and now - session.get(SEEN, 0) >= _NOTED_EVERY:
        session.setdefault(BEGAN, now)
        session[SEEN] = now


def is_over(session: SessionBase, *, now: int) -> bool:
    """Whether the session has lasted too long, or nobody was seen in it for too long."""
    began, seen = session.get(BEGAN, now), session.get(SEEN, now)
    over: bool = now - began >= settings.SESSION_COOKIE_AGE
    return over or now - seen >= settings.SESSION_IDLE_SECONDS


@receiver(user_logged_in)
def _begin(request: HttpRequest, **_kwargs: Any) -> None:
    # Until now it may have been one for the way to a provider.
    request.session.set_expiry(None)
    request.session[BEGAN] = request.session[SEEN] = int(time.time())


def sessions_of(user: User) -> Iterator[Session]:
    """Yield the person's sessions in the schema in force."""
    for session in Session.objects.filter(expire_date__gt=timezone.now()).iterator():
        if session.get_decoded().get(SESSION_KEY) == str(user.pk):
            yield session


def sessions_end(*, user: User) -> int:
    """End the person's sessions in the schema in force; return how many there were."""
    keys = [row.session_key for row in sessions_of(user)]
    Session.objects.filter(session_key__in=keys).delete()
    return len(keys)


def sessions_clear() -> int:
    """Delete the sessions of the schema in force that are over; return how many there were."""
    return Session.objects.filter(expire_date__lte=timezone.now()).delete()[0]


def sessions_end_all() -> int:
    """End every session of the schema in force; return how many there were."""
    return Session.objects.all().delete()[0]
