"""Sessions that end: of one person, of a whole schema. They lie in the schema of their people."""

from collections.abc import Iterator

from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.utils import timezone


def sessions_of(user: User) -> Iterator[Session]:
    """Yield the person's sessions in the schema in force."""
    for session in Session.objects.filter(expire_date__gt=timezone.now()).iterator():
        if session.get_decoded().get(SESSION_KEY) == str(user.pk):
            yield session


def sessions_end(*, user: User, but: str | None = None) -> int:
    """End the person's sessions in the schema in force, but for one key; return how many."""
    keys = [row.session_key for row in sessions_of(user) if row.session_key != but]
    Session.objects.filter(session_key__in=keys).delete()
    return len(keys)


def sessions_end_all() -> int:
    """End every session of the schema in force; return how many there were."""
    return Session.objects.all().delete()[0]
