"""Plain text, Markdown, CSV and HTML: bytes to read, and lines of a bearable length."""

from typing import BinaryIO, Final

from intake.errors import EmptyFileError, LineLengthError

LINE_LIMIT: Final = 32 * 1024 * 1024
_BLOCK: Final = 1024 * 1024
_BLANK_LIMIT: Final = 64 * 1024
_BLANKS: Final = b"\x00 \t\r\n\xff\xfe\xef\xbb\xbf"


def check_text(stream: BinaryIO) -> None:
    """Refuse white space, and a line that readers of lines would choke on."""
    longest = length = 0
    while block := stream.read(_BLOCK):
        if not length and not longest and len(block) <= _BLANK_LIMIT:
            _require_words(block)
        first, *others = block.replace(b"\r", b"\n").split(b"\n")
        length += len(first)
        for line in others:
            longest = max(longest, length)
            length = len(line)
        longest = max(longest, length)
        if longest > LINE_LIMIT:
            raise LineLengthError(
                f"A line of the file is longer than {LINE_LIMIT // _BLOCK} MB.",
                remediation="Break it into lines, or check that it is the file you meant.",
            )


def _require_words(block: bytes) -> None:
    if not block.strip(_BLANKS):
        raise EmptyFileError(
            "The file holds nothing but white space.",
            remediation="Check the export that made it and send it again.",
        )
