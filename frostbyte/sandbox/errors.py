"""How sandboxed work can end without a result."""

from frostbyte.kernel.errors import FrostbyteError, ServiceUnavailableError


class SandboxError(FrostbyteError):
    """The work on a file ended without a result, and took nothing else with it.

    Whoever called says what that means for the file: these are not shown as they are.
    """

    code = "SANDBOX_CRASHED"
    http_status = 422


class SandboxCrashedError(SandboxError):
    """The process died, or raised what nobody expected; `extra` tells the signal or the place."""


class SandboxTimeoutError(SandboxError):
    """It took longer, or more of the processor, than its limits allow."""

    code = "SANDBOX_TIMEOUT"


class SandboxMemoryError(SandboxError):
    """It wanted more memory, or made a larger result, than its limits allow."""

    code = "SANDBOX_MEMORY"


class SandboxUnavailableError(ServiceUnavailableError):
    """No process could be made for the work, or all are busy: nothing is known of the file."""
