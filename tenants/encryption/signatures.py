"""What the platform vouches for: Ed25519 signatures (RFC 8032) over canonical JSON (RFC 8785).

One key of the platform signs for every tenant, so a signed document names its tenant, and by its
member `type` what it is: a signature over one kind of document is worth nothing for another.
Signing is the platform's act. It steps out of the tenant, whose role cannot read the key.
"""

import functools
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.db import connection, transaction
from django.utils import timezone

from audit.events import EventType
from audit.services import record_event
from frostbyte.kernel.hashing import canonical_json, sha256_hex
from tenants.context import registry_context
from tenants.encryption import master
from tenants.encryption.keys import hold_wrapping
from tenants.errors import MasterKeyError
from tenants.models import SigningKey
from tenants.naming import PLATFORM

TYPE: Final = "type"
PLATFORM_ACTOR: Final = "platform"
_FINGERPRINT_DIGITS: Final = 16
_LOCK: Final = "frostbyte signing key"


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature in base64 (64 bytes), and the id of the key that made it."""

    value: str
    key_id: str


class Verdict(StrEnum):
    """What a signature is worth."""

    VALID = "valid"
    INVALID = "invalid"
    UNKNOWN_KEY = "unknown key"


def sign(document: Mapping[str, Any]) -> Signature:
    """Sign a document of JSON values, which has to have a `type`, by the key in force.

    Raises `ValueError` for what has no type or no canonical form, and `MasterKeyError`.
    """
    if TYPE not in document:
        raise ValueError("A document that is signed names its type.")
    signed = canonical_json(document)
    with registry_context():
        key = SigningKey.objects.filter(retired_at=None).first()
        key = key or signing_key_ensure(actor=PLATFORM_ACTOR)
    private = _opened(key.pk, bytes(key.wrapped))
    return Signature(b64encode(private.sign(signed)).decode(), key.pk)


def verify(document: Mapping[str, Any], signature: Signature) -> Verdict:
    """Tell whether the platform signed just this document, by any key that it ever had."""
    with registry_context():
        key = SigningKey.objects.filter(pk=signature.key_id).first()
    if key is None:
        return Verdict.UNKNOWN_KEY
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes(key.public))
        public.verify(b64decode(signature.value, validate=True), canonical_json(document))
    except (InvalidSignature, ValueError):
        return Verdict.INVALID
    return Verdict.VALID


def signing_keys() -> list[SigningKey]:
    """Return every signing key, retired ones included, the oldest first."""
    with registry_context():
        return list(SigningKey.objects.order_by("created_at", "id"))


def public_keys() -> list[dict[str, str]]:
    """Return the public halves of all signing keys as JSON Web Keys (RFC 8037)."""
    return [
        {
            "kty": "OKP",
            "crv": "Ed25519",
            "alg": "EdDSA",
            "use": "sig",
            "kid": key.pk,
            "x": urlsafe_b64encode(bytes(key.public)).decode().rstrip("="),
        }
        for key in signing_keys()
    ]


@transaction.atomic
def signing_key_ensure(*, actor: str) -> SigningKey:
    """Return the key in force, made now where there is none, in the public schema."""
    _hold()
    found = SigningKey.objects.filter(retired_at=None).first()
    if found is not None:
        return found
    made = _add()
    _record(EventType.SIGNING_KEY_CREATED, actor, made, {})
    return made


@transaction.atomic
def signing_key_rotate(*, actor: str) -> SigningKey:
    """Sign with a new key from the commit on; the old one's private half is destroyed."""
    _hold()
    before = SigningKey.objects.filter(retired_at=None).first()
    if before is not None:
        before.wrapped, before.retired_at = b"", timezone.now()
        before.save(update_fields=["wrapped", "retired_at"])
    made = _add()
    details = {"from": before.pk if before else None, "to": made.pk}
    _record(EventType.SIGNING_KEY_ROTATED, actor, made, details)
    return made


def fingerprint(public: bytes) -> str:
    """Return the id of a public key: the first 16 hex digits of the SHA-256 of its 32 bytes."""
    return sha256_hex(public)[:_FINGERPRINT_DIGITS]


def _hold() -> None:
    """Let one process at a time make a signing key, and none while the master key changes."""
    hold_wrapping(exclusive=False)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [_LOCK])


def _add() -> SigningKey:
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes_raw()
    key_id = fingerprint(public)
    wrapped, recipient = master.wrap(_label(key_id) + private.private_bytes_raw())
    return SigningKey.objects.create(id=key_id, public=public, wrapped=wrapped, recipient=recipient)


@functools.lru_cache(maxsize=8)
def _opened(key_id: str, wrapped: bytes) -> Ed25519PrivateKey:
    """Unwrap a private key, and see that it is the one of this id; raises `MasterKeyError`."""
    label, opened = _label(key_id), master.unwrap(wrapped)
    if not opened.startswith(label):
        raise MasterKeyError(
            "The wrapped signing key in the database is another one's.",
            remediation="Restore tenants_signingkey, or run `manage.py keys rotate --signing`.",
        )
    return Ed25519PrivateKey.from_private_bytes(opened[len(label) :])


def _label(key_id: str) -> bytes:
    return b"frostbyte signing key" + key_id.encode()


def _record(event: EventType, actor: str, key: SigningKey, details: Mapping[str, Any]) -> None:
    record_event(
        tenant=PLATFORM,
        event_type=event,
        actor=actor,
        resource_type="signing_key",
        resource_id=key.pk,
        details=details,
    )
