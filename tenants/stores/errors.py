"""What can go wrong between a handle and its store."""

from frostbyte.kernel.errors import FrostbyteError, ServiceUnavailableError


class WrongTenantError(FrostbyteError):
    """A handle of one tenant was used while the connection is in another's schema."""

    code = "INTERNAL_ERROR"


class ChangedMeanwhileError(ServiceUnavailableError):
    """An object was written or deleted by someone else while it was being replaced."""
