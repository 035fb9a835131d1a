"""What a parser may raise: a reason with its own code, and what the sender can do about it."""

from processing.errors import ParseError


class CorruptFileError(ParseError):
    """The bytes are not a readable file of their type."""

    code = "CORRUPT_FILE"

    def __init__(self, message: str) -> None:
        super().__init__(
            message,
            remediation="Open the file in the program that made it, save it again and send that.",
        )


class EncryptedFileError(ParseError):
    """The file opens only with a password."""

    code = "ENCRYPTED_FILE"

    def __init__(self, message: str) -> None:
        super().__init__(message, remediation="Remove the password and send the file again.")


class EmptyFileError(ParseError):
    """The file has no bytes."""

    code = "EMPTY_FILE"

    def __init__(self) -> None:
        super().__init__(
            "The file is empty.", remediation="Check the export that made it and send it again."
        )


class UnsafeFileError(ParseError):
    """The file would unpack to more than any honest document needs."""

    code = "UNSAFE_CONTAINER"

    def __init__(self, message: str) -> None:
        super().__init__(message, remediation="Split the document into smaller files.")


class ParseTimeoutError(ParseError):
    """The parser was stopped: it had more time than any honest document needs."""

    code = "PARSE_TIMEOUT"

    def __init__(self, seconds: int) -> None:
        super().__init__(
            f"Reading the file took more than {seconds} seconds of work.",
            remediation="Split the document into smaller files, or save it anew and send that.",
        )


class ParseMemoryError(ParseError):
    """The parser was stopped: it wanted more memory than it may have."""

    code = "PARSE_MEMORY"

    def __init__(self, megabytes: int) -> None:
        super().__init__(
            f"Reading the file took more than {megabytes} MB of memory.",
            remediation="Split the document into smaller files, or save it anew and send that.",
        )


class ParseCrashedError(ParseError):
    """The parser died. A machine short of memory looks the same, so it is tried again."""

    code = "PARSE_CRASHED"
    retryable = True

    def __init__(self) -> None:
        super().__init__(
            "Reading the file broke off.",
            remediation="Open the file in the program that made it, save it again and send that.",
        )


class UnsupportedMediaTypeError(ParseError):
    """No parser reads this media type."""

    code = "UNSUPPORTED_FORMAT"
    http_status = 415

    def __init__(self, media_type: str) -> None:
        super().__init__(
            f"No parser reads {media_type}.",
            remediation="Send the document as PDF, DOCX, HTML, Markdown, CSV or plain text.",
            extra={"media_type": media_type},
        )
