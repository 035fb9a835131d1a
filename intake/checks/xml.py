"""XML in a container: refused before its first element where it declares anything of its own.

Office Open XML (ECMA-376 part 2) has no document type declarations. Without one there are no
entities: none that multiply, none that fetch.
"""

from typing import Final, NoReturn
from xml.parsers import expat

from intake.errors import XmlEntityError

_PROLOG_LIMIT: Final = 64 * 1024


class _BodyBegins(Exception):  # noqa: N818 -- ends the reading; nothing is wrong
    """The first element: what may be declared has been."""


class PrologCheck:
    """Is fed the first bytes of an XML part; raises `XmlEntityError` at a declaration."""

    def __init__(self) -> None:
        self._parser = expat.ParserCreate()
        self._parser.StartDoctypeDeclHandler = _refuse
        self._parser.StartElementHandler = _stop
        self._left = _PROLOG_LIMIT
        self.is_done = False

    def feed(self, data: bytes) -> None:
        """Take the next bytes. What is not XML is left to whoever reads it."""
        if self.is_done:
            return
        try:
            self._parser.Parse(data[: self._left], False)
        except (_BodyBegins, expat.ExpatError, ValueError, LookupError):
            # The last two: an encoding that expat does not know.
            self.is_done = True
            return
        self._left -= len(data)
        if self._left <= 0:
            raise _entities()


def _refuse(*_declaration: object) -> NoReturn:
    raise _entities()


def _stop(*_element: object) -> NoReturn:
    raise _BodyBegins


def _entities() -> XmlEntityError:
    return XmlEntityError(
        "The XML in the document declares entities or a type of its own, which Office never does.",
        remediation="Open it in an office program and save it again.",
    )
