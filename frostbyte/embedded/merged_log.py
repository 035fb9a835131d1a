"""The lines of several processes on one terminal, each after its process's name."""

import os
import sys
from contextlib import suppress
from typing import Final, TextIO

COLOURS: Final = {"web": 36, "worker": 33, "beat": 35, "upgrade": 34, "frostbyte": 32}
NAME_WIDTH: Final = 9
OWN_NAME: Final = "frostbyte"
_BOLD: Final = 1
_RED: Final = 31


class MergedLog:
    """Writes `name │ line`; in colour on a terminal, unless NO_COLOR is set."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._colours = self._stream.isatty() and "NO_COLOR" not in os.environ

    def line(self, name: str, text: str) -> None:
        """Write one line of the process `name`."""
        prefix = self._paint(f"{name:<{NAME_WIDTH}} │", COLOURS.get(name, 0))
        # Where the terminal is gone, what runs still has to be stopped in order.
        with suppress(OSError):
            print(prefix, text, file=self._stream, flush=True)

    def say(self, text: str) -> None:
        """Write what `manage.py up` itself has to tell."""
        self.line(OWN_NAME, text)

    def warn(self, text: str) -> None:
        """Write what must be seen."""
        self.line(OWN_NAME, self._paint(text, _RED, _BOLD))

    def _paint(self, text: str, *codes: int) -> str:
        if not self._colours:
            return text
        return f"\x1b[{';'.join(map(str, codes))}m{text}\x1b[0m"
