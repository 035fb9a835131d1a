"""The checks of one file, in the order in which their reasons are told.

Size, type by content against claim and allowlist, container safety, SHA-256, malware. What opens
the file runs in a sandbox: see `inspection`. Nothing has been stored when one of them raises.
"""

from dataclasses import dataclass
from typing import BinaryIO, Final

import structlog

from frostbyte.sandbox import (
    Limits,
    SandboxError,
    SandboxMemoryError,
    SandboxTimeoutError,
    sandboxed,
)
from intake.checks.sizes import check_claimed_sha256, check_claimed_size, check_size
from intake.errors import CorruptFileError, FileRejectedError, ResourceLimitError
from intake.malware.scanning import malware_scan
from intake.models import Scan
from tenants.configuration import TenantConfiguration

log = structlog.get_logger("frostbyte.intake")

LIMITS: Final = Limits(memory_mb=768, cpu_seconds=30, wall_seconds=60.0, result_mb=1)


@dataclass(frozen=True, slots=True)
class Claim:
    """What the sender says of a file, to be held against it; None: nothing was said."""

    media_type: str | None = None
    size_bytes: int | None = None
    sha256: str | None = None


NO_CLAIM: Final = Claim()


@dataclass(frozen=True, slots=True)
class Checked:
    """What the checks found: the media type to accept the file as, and the scanner's answer."""

    media_type: str
    scan: Scan


def check_file(
    stream: BinaryIO,
    *,
    filename: str,
    size: int,
    sha256: str,
    settings: TenantConfiguration,
    claim: Claim = NO_CLAIM,
) -> Checked:
    """Check a seekable file of `size` bytes whose digest is `sha256`, as both were measured.

    Raises the `FileRejectedError` of the first check that it does not pass: `MalwareDetectedError`
    means that the file is quarantined. Raises `ServiceUnavailableError` when a check cannot be
    made that must be.
    """
    check_size(size, limit_mb=settings.max_file_size_mb)
    check_claimed_size(size, claimed=claim.size_bytes)
    media_type = _look_inside(stream, filename, claim.media_type, settings)
    check_claimed_sha256(sha256, claimed=claim.sha256)
    scan = malware_scan(stream, size=size, required=settings.require_malware_scan)
    stream.seek(0)
    return Checked(media_type, scan)


def _look_inside(
    stream: BinaryIO, filename: str, claimed_type: str | None, settings: TenantConfiguration
) -> str:
    allowlist = [media_type.value for media_type in settings.mime_allowlist]
    try:
        media_type = sandboxed(
            "intake.checks.inspection:inspect",
            {"filename": filename, "claimed": claimed_type, "allowlist": allowlist},
            files=[stream],
            limits=LIMITS,
        )
    except SandboxError as error:
        log.warning("file broke its check", code=error.code, **error.extra)
        raise _refusal(error) from error
    return str(media_type)


def _refusal(error: SandboxError) -> FileRejectedError:
    """Return what it means for a file that looking at it took too much, or broke."""
    if isinstance(error, SandboxTimeoutError | SandboxMemoryError):
        return ResourceLimitError(
            "Opening the file takes more time or memory than any document needs.",
            remediation="Save it again in the program that made it; if it stays so, split it.",
        )
    return CorruptFileError(
        "The file is damaged in a way that breaks the programs that read it.",
        remediation="Open it on your side, save or print it as a new file and send that.",
    )
