"""A refused file, as an error that the API can tell: the receipt says which."""

from collections.abc import Iterator
from typing import Final

from intake.errors import FileRejectedError
from intake.models import Receipt


def refusal_of(receipt: Receipt) -> FileRejectedError:
    """Return the error whose code and reason the receipt bears, with the receipt's own words."""
    kind = _KINDS.get((receipt.code, receipt.reason), FileRejectedError)
    return kind(
        receipt.message,
        remediation=receipt.remediation,
        extra={
            **receipt.details,
            "receipt_id": str(receipt.pk),
            "outcome": receipt.outcome,
            "reason": receipt.reason,
            "filename": receipt.filename,
            "sha256": receipt.sha256,
        },
    )


def _descendants(kind: type[FileRejectedError]) -> Iterator[type[FileRejectedError]]:
    for child in kind.__subclasses__():
        yield child
        yield from _descendants(child)


_KINDS: Final = {(kind.code, kind.reason): kind for kind in _descendants(FileRejectedError)}
