"""What runs in the sandbox: the type of a file by its content, and whether it is safe to open.

Only `sandboxed("intake.checks.inspection:inspect", ...)` calls this; it needs no Django.
"""

from collections.abc import Callable
from typing import Any, BinaryIO, Final

from intake.checks.images import prepare_images
from intake.checks.ooxml import check_docx
from intake.checks.pdf import check_pdf
from intake.checks.text import check_text
from intake.checks.types import accepted_type, check_allowed, load_model
from intake.formats import DOCX, PDF, TEXT_FORMATS

_CONTAINERS: Final[dict[str, Callable[[BinaryIO], None]]] = {
    PDF: check_pdf,
    DOCX: check_docx,
    **dict.fromkeys(TEXT_FORMATS, check_text),
}


def preload() -> None:
    """Load the model of file types and the image formats, once for all files."""
    load_model()
    prepare_images()


def inspect(stream: BinaryIO, given: dict[str, Any]) -> str:
    """Return the media type of a file; raises `FileRejectedError` with the reason against it.

    `given` has `filename`, `claimed` (a media type or None) and `allowlist`.
    """
    media_type = accepted_type(stream, filename=given["filename"], claimed_type=given["claimed"])
    check_allowed(media_type, allowlist=given["allowlist"])
    stream.seek(0)
    _CONTAINERS[media_type](stream)
    return media_type
