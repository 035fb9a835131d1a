"""`Idempotency-Key`: a request that is sent again gets the first answer, and its work once.

After draft-ietf-httpapi-idempotency-key-header. A key belongs to one caller and one address. While
a request is in work its process holds an advisory lock of its database session, so a process that
is killed lets go at once and the next request of the key begins anew.
"""

import re
import zlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from frostbyte.kernel.errors import ValidationError
from intake.errors import IdempotencyInWorkError, IdempotencyKeyReusedError
from intake.locks import try_lock, unlock
from intake.models import IdempotencyKey

KEPT: Final = timedelta(hours=24)
_RETRY_SECONDS: Final = 5
_KEY: Final = re.compile(r'"?([!#-~]{1,200})"?')
"""A structured-field string, or the bare characters that most clients send."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it was given: status, body, and the headers that tell of the body."""

    status: int
    body: bytes
    content_type: str
    location: str = ""


class Claim:
    """One request's hold on its key, from `take` until `keep` or `let_go`."""

    def __init__(self, *, key: str, principal: str, endpoint: str) -> None:
        self.key, self.principal, self.endpoint = key, principal, endpoint
        self._name = "\x1f".join(("idempotency", principal, endpoint, key))
        self.is_held = False

    def take(self, fingerprint: str) -> Answer | None:
        """Return the first answer if there is one; else the work is the caller's to do.

        Raises `IdempotencyInWorkError` while another request does it, and
        `IdempotencyKeyReusedError` for a key that came with another body.
        """
        if not try_lock(self._name):
            raise IdempotencyInWorkError(
                "A request with this Idempotency-Key is still in work.",
                remediation="Send the same request again in a moment to get its answer.",
                extra={"retry_after": _RETRY_SECONDS},
            )
        self.is_held = True
        try:
            return self._first_answer(fingerprint)
        except BaseException:
            self.let_go()
            raise

    def keep(self, answer: Answer) -> None:
        """Keep the answer for those who ask again, and let go."""
        if self.is_held:
            self._row().update(
                status=answer.status,
                body=zlib.compress(answer.body),
                content_type=answer.content_type,
                location=answer.location,
            )
            self._unlock()

    def let_go(self) -> None:
        """Forget a request that came to no answer that is worth keeping."""
        if self.is_held:
            self._row().filter(status=None).delete()
            self._unlock()

    def _first_answer(self, fingerprint: str) -> Answer | None:
        with transaction.atomic():
            self._row().filter(expires_at__lte=timezone.now()).delete()
            row, _made = IdempotencyKey.objects.get_or_create(
                key=self.key,
                principal=self.principal,
                endpoint=self.endpoint,
                defaults={"fingerprint": fingerprint, "expires_at": timezone.now() + KEPT},
            )
        if row.status is None:
            # None yet, or that of a process that was killed over it.
            self._row().update(fingerprint=fingerprint)
            return None
        if row.fingerprint != fingerprint:
            raise IdempotencyKeyReusedError(
                "This Idempotency-Key came with another request before.",
                remediation="Take a new key for a new request.",
            )
        self._unlock()
        return Answer(row.status, zlib.decompress(row.body), row.content_type, row.location)

    def _row(self) -> QuerySet[IdempotencyKey]:
        return IdempotencyKey.objects.filter(
            key=self.key, principal=self.principal, endpoint=self.endpoint
        )

    def _unlock(self) -> None:
        self.is_held = False
        unlock(self._name)


def key_read(header: str) -> str:
    """Return the key that a header names; raises the kernel's `ValidationError`."""
    found = _KEY.fullmatch(header.strip())
    if found is None:
        constraint = "1 to 200 printable characters of ASCII without blanks, such as a UUID."
        raise ValidationError(
            "The Idempotency-Key cannot be taken.",
            remediation="Send a new UUID for each new request.",
            extra={"errors": [{"field": "Idempotency-Key", "constraint": constraint}]},
        )
    return found[1]


def idempotency_clear() -> int:
    """Delete the keys of the tenant that are past their time; returns how many."""
    return IdempotencyKey.objects.filter(expires_at__lte=timezone.now()).delete()[0]
