"""The second factor of the platform's people: codes by time (RFC 6238), and recovery codes.

The secret is sealed, recovery codes are hashed, and a code counts once: the step of the last one
that was taken is kept, and steps up to it are refused.
"""

import base64
import hmac
import secrets
import time
from typing import Final

import pyotp
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from audit.events import EventType
from audit.services import record_event
from frostbyte.kernel.hashing import sha256_hex
from tenants.access.sessions import sessions_end
from tenants.encryption.sealing import seal, unseal
from tenants.errors import WrongCodeError
from tenants.models import Totp
from tenants.naming import PLATFORM

STEP_SECONDS: Final = 30
STEPS_APART: Final = 1
"""How many steps the clock of the person's device may be before or behind ours."""
RECOVERY_CODES: Final = 10
_RECOVERY_BYTES: Final = 10
_PURPOSE: Final = "totp"


def totp_of(user: User) -> Totp | None:
    """Return the person's second factor if it is in use."""
    return Totp.objects.filter(user=user).exclude(confirmed_at=None).first()


def totp_secret(user: User) -> str:
    """Return the secret of a second factor that is being set up, in base 32; made at first."""
    made = Totp(user=user, secret=seal(pyotp.random_base32(), purpose=_PURPOSE))
    row, _is_new = Totp.objects.get_or_create(
        user=user, confirmed_at=None, defaults={"secret": made.secret}
    )
    return unseal(row.secret, purpose=_PURPOSE)


def totp_uri(user: User, secret: str, *, platform: str) -> str:
    """Return the `otpauth:` address that an authenticator reads from a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=user.get_username(), issuer_name=platform)


@transaction.atomic
def totp_confirm(*, user: User, code: str, actor: str) -> list[str]:
    """Put the second factor in use once the device shows the right code.

    Returns the recovery codes, which are shown this once. Raises `WrongCodeError`.
    """
    row = Totp.objects.select_for_update().get(user=user, confirmed_at=None)
    row.last_step = _step_of(row, code)
    codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
    row.recovery_hashes = [_hash(each) for each in codes]
    row.confirmed_at = timezone.now()
    row.save()
    _record(user, actor, {"changed": "second factor set up"})
    return codes


@transaction.atomic
def totp_verify(*, user: User, code: str) -> None:
    """Take a code of the device or a recovery code, each of them once; raises `WrongCodeError`."""
    row = Totp.objects.select_for_update().exclude(confirmed_at=None).get(user=user)
    hashed = _hash(code)
    if hashed in row.recovery_hashes:
        row.recovery_hashes.remove(hashed)
        left = len(row.recovery_hashes)
        _record(user, f"operator:{user.get_username()}", {"recovery_codes_left": left})
    else:
        row.last_step = _step_of(row, code)
    row.save(update_fields=["last_step", "recovery_hashes"])


@transaction.atomic
def totp_reset(*, user: User, actor: str) -> None:
    """Take the second factor away, and end the person's sessions; it is set up at next sign-in."""
    Totp.objects.filter(user=user).delete()
    sessions_end(user=user)
    _record(user, actor, {"changed": "second factor reset"})


def _step_of(row: Totp, code: str) -> int:
    """Return the step that the code belongs to; raises `WrongCodeError`, also for one used."""
    totp = pyotp.TOTP(unseal(row.secret, purpose=_PURPOSE), interval=STEP_SECONDS)
    now = int(time.time()) // STEP_SECONDS
    given = "".join(code.split())
    for step in range(now - STEPS_APART, now + STEPS_APART + 1):
        expected = totp.generate_otp(step)
        if hmac.compare_digest(expected.encode(), given.encode()) and step > row.last_step:
            return step
    raise WrongCodeError("This code is wrong, is over, or was used already.")


def _recovery_code() -> str:
    text = base64.b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode().lower()
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def _hash(code: str) -> str:
    """Return what is stored of a recovery code; 80 random bits cannot be searched."""
    return sha256_hex("".join(code.lower().replace("-", "").split()).encode())


def _record(user: User, actor: str, details: dict[str, object]) -> None:
    record_event(
        tenant=PLATFORM,
        event_type=EventType.STAFF_CHANGED,
        actor=actor,
        resource_type="person",
        resource_id=user.get_username()[:100],
        details={"component": "tenants", **details},
    )
