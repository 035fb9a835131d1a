"""What one piece of sandboxed work may take."""

from typing import Final

import msgspec

MEGABYTE: Final = 1024 * 1024


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of one call. Memory is what the call adds to what its process starts with.

    `memory_mb` counts address space, so a large allocation fails even when it is not touched.
    `result_mb` bounds the encoded result. `open_files` counts what the call opens by itself, too.
    """

    memory_mb: int = 512
    cpu_seconds: int = 30
    wall_seconds: float = 60.0
    result_mb: int = 64
    open_files: int = 64


DEFAULT: Final = Limits()
