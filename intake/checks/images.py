"""Pictures, by their headers alone: nothing is decoded."""

import struct
import warnings
from typing import BinaryIO, Final

from PIL import Image

from intake.checks.words import pixel_flood

PIXEL_LIMIT: Final = 100_000_000
"""A page of A4 at 600 dots an inch has 35 million pixels."""
SIDE_LIMIT: Final = 65_500
# Formats whose readers start programs or read fonts are not asked.
_FORMATS: Final = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")


def prepare_images() -> None:
    """Import the readers of the picture formats."""
    Image.init()


def check_image(stream: BinaryIO) -> None:
    """Raise `PixelFloodError` for a picture that would not fit in memory once drawn.

    What is no picture that we know is left alone: it is not drawn either.
    """
    with warnings.catch_warnings():
        # The limit is ours, below.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            with Image.open(stream, formats=_FORMATS) as image:
                width, height = image.size
        except Image.DecompressionBombError as error:
            raise pixel_flood("A picture", *_stated_size(stream)) from error
        except (OSError, SyntaxError, ValueError, struct.error, OverflowError, KeyError):
            return
    check_pixels(width, height)


def check_pixels(width: int, height: int) -> None:
    """Raise `PixelFloodError` for a picture with too many pixels, or too long on one side."""
    if width * height > PIXEL_LIMIT or max(width, height) > SIDE_LIMIT:
        raise pixel_flood("A picture", width, height)


def _stated_size(stream: BinaryIO) -> tuple[int, int]:
    """Return the size that a PNG states; other formats are told as of no size."""
    stream.seek(16)
    stated = stream.read(8)
    return struct.unpack(">II", stated) if len(stated) == 8 else (0, 0)
