"""The parts of an Office Open XML file, read within limits and without trust."""

import io
import posixpath
import zipfile
import zlib
from functools import cached_property
from typing import Final

from lxml import etree

from processing.parsers.errors import CorruptFileError, EncryptedFileError, UnsafeFileError

_OLE: Final = bytes.fromhex("d0cf11e0a1b11ae1")
_ENCRYPTED: Final = "EncryptedPackage".encode("utf-16-le")
_MAX_PART: Final = 256 * 1024 * 1024
_MAX_PARTS: Final = 20_000
_RELATIONSHIP: Final = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"
_STRICT: Final = (
    b"http://purl.oclc.org/ooxml/wordprocessingml/main",
    b"http://schemas.openxmlformats.org/wordprocessingml/2006/main",
)
_UNREADABLE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OSError,
    ValueError,
)


class Package:
    """An opened package. Part names have no leading slash."""

    def __init__(self, data: bytes) -> None:
        if data.startswith(_OLE):
            raise _not_a_package(data)
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except _UNREADABLE as error:
            raise CorruptFileError(
                "The DOCX is damaged: its container cannot be opened."
            ) from error
        self._names = set(self._zip.namelist())
        if len(self._names) > _MAX_PARTS:
            raise UnsafeFileError("The DOCX has more parts than any document needs.")

    @cached_property
    def main(self) -> str:
        """Name of the main document part; raises `CorruptFileError` when there is none."""
        names = self.related("", "officeDocument") or ["word/document.xml"]
        if names[0] not in self._names:
            raise CorruptFileError("The DOCX is damaged: it has no document in it.")
        return names[0]

    def related(self, part: str, kind: str) -> list[str]:
        """Return the names of the parts that `part` refers to as of this kind, in file order."""
        folder, name = posixpath.split(part)
        root = self.xml(posixpath.join(folder, "_rels", f"{name}.rels"))
        if root is None:
            return []
        targets = [
            element.get("Target", "")
            for element in root.iter(_RELATIONSHIP)
            if element.get("Type", "").endswith(f"/{kind}")
            and element.get("TargetMode") != "External"
        ]
        return [
            posixpath.normpath(posixpath.join("/", folder, name)).lstrip("/") for name in targets
        ]

    def xml(self, name: str) -> etree._Element | None:
        """Return the root of a part, None when the part is not there."""
        if name not in self._names:
            return None
        data = self._read(name).replace(*_STRICT)
        parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
        try:
            return etree.fromstring(data, parser)
        except (etree.LxmlError, ValueError) as error:
            raise CorruptFileError("The DOCX is damaged: its XML cannot be read.") from error

    def _read(self, name: str) -> bytes:
        """Read a part without believing its stated size."""
        try:
            with self._zip.open(name) as stream:
                data = stream.read(_MAX_PART + 1)
        except _UNREADABLE as error:
            raise CorruptFileError("The DOCX is damaged: a part cannot be unpacked.") from error
        if len(data) > _MAX_PART:
            raise UnsafeFileError("The DOCX unpacks to more than any document needs.")
        return data


def _not_a_package(data: bytes) -> Exception:
    if _ENCRYPTED in data:
        return EncryptedFileError("The DOCX opens only with a password.")
    return CorruptFileError("The file is a binary Office document, not a DOCX.")
