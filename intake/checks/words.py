"""Reasons that several checks give in the same words."""

from intake.errors import CorruptFileError, EncryptedFileError, PixelFloodError, PolyglotError


def encrypted(kind: str) -> EncryptedFileError:
    """The file opens with a password only."""
    return EncryptedFileError(
        f"The {kind} opens with a password only.",
        remediation="Remove the password and send it again.",
    )


def corrupt(kind: str) -> CorruptFileError:
    """The file does not open."""
    return CorruptFileError(
        f"The {kind} is damaged or cut off and does not open.",
        remediation="Check that it opens on your side, export it anew and send it again.",
    )


def polyglot(kind: str) -> PolyglotError:
    """The file is of two kinds at once."""
    return PolyglotError(
        f"The {kind} carries a file of another kind around it.",
        remediation=f"Open it and save or print it as a new {kind}.",
    )


def pixel_flood(what: str, width: float, height: float) -> PixelFloodError:
    """A picture or page of a size that no memory holds."""
    return PixelFloodError(
        f"{what} in the file is {width:.0f} by {height:.0f}: too large to be drawn.",
        remediation="Make it smaller, save the document again and send it.",
        extra={"width": round(width), "height": round(height)},
    )
