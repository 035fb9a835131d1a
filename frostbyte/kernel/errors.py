"""The root of every error that Frostbyte raises on purpose.

Three attributes of the class tell any caller how to treat it: `code` (stable, for machines),
`http_status`, and `retryable` (trying the same thing again later may succeed).
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class FrostbyteError(Exception):
    """An expected failure with a message that is safe to show: no content, PII or secret in it.

    `message` says what is wrong; `remediation` says what the reader can do about it.
    `extra` holds safe machine-readable members that the API adds to its problem document.
    """

    code: ClassVar[str] = "INTERNAL_ERROR"
    http_status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        remediation: str = "",
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.remediation = remediation
        self.extra = dict(extra or {})


class ValidationError(FrostbyteError):
    """Input that breaks a rule; `errors` lists field, value and constraint of each breach."""

    code = "VALIDATION_ERROR"
    http_status = 400


class NotFoundError(FrostbyteError):
    """The thing asked for does not exist here, or belongs to someone else."""

    code = "RESOURCE_NOT_FOUND"
    http_status = 404


class ServiceUnavailableError(FrostbyteError):
    """A service that the work needs does not answer at present."""

    code = "SERVICE_UNAVAILABLE"
    http_status = 503
    retryable = True
