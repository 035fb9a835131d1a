"""What can go wrong with tenants, their keys and their people."""

from frostbyte.kernel.errors import FrostbyteError, NotFoundError, ValidationError


class InvalidSlugError(ValidationError):
    """The slug breaks a rule or is reserved."""


class TenantNotFoundError(NotFoundError):
    """No tenant has this slug."""


class TenantAlreadyExistsError(FrostbyteError):
    """The slug is taken, now or by a tenant of the past."""

    code = "TENANT_ALREADY_EXISTS"
    http_status = 409


class InvalidStateTransitionError(FrostbyteError):
    """The tenant's state does not permit the change; `allowed` names the permitted ones."""

    code = "INVALID_STATE_TRANSITION"
    http_status = 409


class GroupNotFoundError(NotFoundError):
    """No group of this tenant has this name."""


class VersionConflictError(FrostbyteError):
    """Somebody else has changed it since; `current_version` is in force."""

    code = "VERSION_CONFLICT"
    http_status = 409


class ProvisioningError(FrostbyteError):
    """A provisioning step failed; what had been made was undone."""

    code = "PROVISIONING_FAILED"
    http_status = 503
    retryable = True


class DeprovisioningError(FrostbyteError):
    """A step of removal failed; what was removed stays removed, and a retry goes on from there."""

    code = "DEPROVISIONING_FAILED"
    http_status = 503
    retryable = True


class ConfirmationMismatchError(FrostbyteError):
    """What was typed to confirm a removal is not the tenant's slug; nothing was done."""

    code = "CONFIRMATION_MISMATCH"
    http_status = 400


class TenantNotActiveError(FrostbyteError):
    """Only a tenant that is active can have this."""

    code = "TENANT_NOT_ACTIVE"
    http_status = 409


class TenantBusyError(FrostbyteError):
    """Another process is at work on the tenant's set-up or removal."""

    code = "TENANT_BUSY"
    http_status = 409
    retryable = True


class TenantSuspendedError(FrostbyteError):
    """The tenant is stopped: nothing is served until an operator resumes it."""

    code = "TENANT_SUSPENDED"
    http_status = 403


class TenantStoppedError(TenantSuspendedError):
    """The tenant is being removed, or is gone."""


class AuthenticationRequiredError(FrostbyteError):
    """No key, or none that is known."""

    code = "AUTHENTICATION_REQUIRED"
    http_status = 401


class TokenExpiredError(FrostbyteError):
    """The key was right and is past its date."""

    code = "TOKEN_EXPIRED"
    http_status = 401


class TokenRevokedError(FrostbyteError):
    """The key was right and has been withdrawn."""

    code = "TOKEN_REVOKED"
    http_status = 401


class InsufficientPermissionsError(FrostbyteError):
    """The caller is known and may not do this."""

    code = "INSUFFICIENT_PERMISSIONS"
    http_status = 403


class HostKeyMismatchError(InsufficientPermissionsError):
    """The host names one tenant and the key another."""


class PersonNotFoundError(NotFoundError):
    """Nobody of this name is here."""


class SignInLockedError(FrostbyteError):
    """Too many failed attempts; `retry_after` tells for how many seconds at most."""

    code = "SIGN_IN_LOCKED"
    http_status = 429


class WrongCodeError(ValidationError):
    """A code that is wrong, over, or used already."""


class SecretUnreadableError(FrostbyteError):
    """A stored secret was sealed with another key."""

    code = "SECRET_UNREADABLE"


class MasterKeyError(FrostbyteError):
    """The master key is missing, unreadable, or not the one that wrapped a data key."""

    code = "MASTER_KEY_UNAVAILABLE"
    http_status = 503
    retryable = True


class StoreRefusedError(FrostbyteError):
    """The object store refuses a credential, or lets it do what it must not."""

    code = "STORE_REFUSED"
    http_status = 503
    retryable = True


class DataKeyUnavailableError(FrostbyteError):
    """The tenant's data key was destroyed, or is not the caller's to use."""

    code = "DATA_KEY_UNAVAILABLE"
    http_status = 500


class RotationError(FrostbyteError):
    """A key cannot be rotated to the end; the old one stays in place."""

    code = "ROTATION_FAILED"
    http_status = 409


class RotationRunningError(FrostbyteError):
    """Another process rotates this key."""

    code = "ROTATION_RUNNING"
    http_status = 409
    retryable = True


class ObjectDamagedError(FrostbyteError):
    """A stored object is not what was put there: changed, cut off, or another's."""

    code = "OBJECT_DAMAGED"
    http_status = 500


class SignInRefusedError(FrostbyteError):
    """Who the identity provider vouches for may not come in here."""

    code = "SIGN_IN_REFUSED"
    http_status = 403


class IdentityProviderError(FrostbyteError):
    """The identity provider does not answer as itself, or is where none may be."""

    code = "IDENTITY_PROVIDER_FAILED"
    http_status = 502
