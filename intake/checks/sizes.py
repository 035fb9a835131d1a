"""What is checked without opening the file: its size, and what the sender said of it."""

from typing import Final

from intake.errors import (
    ChecksumMismatchError,
    EmptyFileError,
    SizeExceededError,
    SizeMismatchError,
)

MEGABYTE: Final = 1024 * 1024


def check_size(size: int, *, limit_mb: int) -> None:
    """Refuse nothing at all and too much."""
    if size == 0:
        raise EmptyFileError(
            "The file is empty.", remediation="Check the export that made it and send it again."
        )
    if size > limit_mb * MEGABYTE:
        raise SizeExceededError(
            f"The file has {size / MEGABYTE:.1f} MB; the limit is {limit_mb} MB.",
            remediation="Split it, or ask the platform's operator for a higher limit.",
            extra={"size_bytes": size, "limit_bytes": limit_mb * MEGABYTE},
        )


def check_claimed_size(size: int, *, claimed: int | None) -> None:
    """Refuse a file of another size than its sender said."""
    if claimed is not None and claimed != size:
        raise SizeMismatchError(
            f"The file has {size} bytes; {claimed} were announced.",
            remediation="Send the whole file again, or correct its size in the manifest.",
            extra={"size_bytes": size, "claimed_bytes": claimed},
        )


def check_claimed_sha256(sha256: str, *, claimed: str | None) -> None:
    """Refuse bytes that are not those that the sender hashed; case does not matter."""
    if claimed and claimed.lower() != sha256:
        raise ChecksumMismatchError(
            "The file arrived with another SHA-256 than was announced.",
            remediation="It was changed or damaged on its way: hash it again and send it again.",
            extra={"sha256": sha256, "claimed_sha256": claimed.lower()[:64]},
        )
