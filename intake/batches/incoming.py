"""A batch in one request: the manifest first, then a part a file, read as they come.

Files lie one behind the other in one file without a name in the tenant's work folder, so that
neither memory nor open files grow with the batch. What is wrong with the batch as a whole ends the
reading at once, and nothing of it has been stored then.
"""

import errno
import io
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import IO, BinaryIO, Final, Self

from django.conf import settings
from multipart import (
    MultipartError,
    MultipartSegment,
    PushMultipartParser,
)

from frostbyte.kernel.errors import ServiceUnavailableError
from intake.batches.manifest import MANIFEST_BYTES, Manifest, manifest_read
from intake.errors import (
    BatchTooLargeError,
    DuplicateFileIdError,
    ManifestInvalidError,
    UnexpectedPartError,
)
from tenants.models import Tenant
from tenants.workspace import workspace_folder

MANIFEST_PART: Final = "manifest"
_BLOCK: Final = 256 * 1024
_ROOM: Final = 256 * 1024 * 1024
"""Bytes of the disk that requests leave to everything else."""
_REMEDY: Final = "Correct the request and send the whole batch again; nothing of it was kept."


@dataclass(frozen=True, slots=True)
class Body:
    """A multipart body that has not been read yet; `length` in bytes as the header says."""

    stream: BinaryIO
    boundary: str
    length: int


@dataclass(slots=True)
class Incoming:
    """A batch that has come whole: its manifest, and where in `spool` each file lies."""

    spool: IO[bytes]
    manifest: Manifest | None = None
    places: dict[str, tuple[int, int]] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.spool.close()

    def stream_of(self, file_id: str) -> BinaryIO:
        """Return the bytes of one file, seekable."""
        start, size = self.places[file_id]
        return io.BufferedReader(_Slice(self.spool.fileno(), start, size), _BLOCK)


def require_room(tenant: Tenant, *, length: int) -> None:
    """Raise unless a request of so many bytes may come, before any of it is read.

    `BatchTooLargeError` for more than the tenant may ever send at once,
    `ServiceUnavailableError` while the disk has no room for it.
    """
    tenants = tenant.settings
    most = tenants.max_batch_size * tenants.max_file_size_mb * 1024**2 + MANIFEST_BYTES
    limit = min(most, settings.MAX_REQUEST_BYTES)
    if length > limit:
        raise BatchTooLargeError(
            f"The request has {length} bytes; the limit is {limit}.",
            remediation="Send the manifest alone and the files by resumable uploads, or split it.",
            extra={"size_bytes": length, "limit_bytes": limit},
        )
    if length > shutil.disk_usage(workspace_folder(tenant.schema_name)).free - _ROOM:
        raise _no_space()


def incoming_read(*, tenant: Tenant, body: Body, check: Callable[[Manifest], None]) -> Incoming:
    """Read a request to its end and return what it brought; the caller closes it.

    `check` is called with the manifest before the first file is read, and may raise. Raises what
    `manifest_read` and `require_room` do, `UnexpectedPartError`, and `DuplicateFileIdError` for a
    part that comes twice.
    """
    require_room(tenant, length=body.length)
    reading = _Reading(tenant, check)
    try:
        reading.run(body)
        reading.incoming.spool.flush()
        if reading.incoming.manifest is None:
            raise _unexpected("The request brings no manifest.")
    except OSError as error:
        reading.incoming.spool.close()
        if error.errno == errno.ENOSPC:
            raise _no_space() from error
        raise
    except BaseException:
        reading.incoming.spool.close()
        raise
    return reading.incoming


class _Reading:
    """One pass over the parts of a request."""

    def __init__(self, tenant: Tenant, check: Callable[[Manifest], None]) -> None:
        self.tenant = tenant
        self.check = check
        folder = workspace_folder(tenant.schema_name)
        self.incoming = Incoming(tempfile.TemporaryFile(dir=folder))  # noqa: SIM115
        self.name = ""
        self.start = 0
        self.manifest = bytearray()
        self.expected: frozenset[str] = frozenset()

    def run(self, body: Body) -> None:
        try:
            parser = PushMultipartParser(body.boundary, body.length)
            for event in parser.parse_blocking(body.stream.read, _BLOCK):
                if isinstance(event, MultipartSegment):
                    self.begin(event.name)
                elif event is None:
                    self.end()
                else:
                    self.add(event)
        except MultipartError as error:
            raise ManifestInvalidError(
                "The body is no well-formed multipart/form-data, or is cut off.",
                remediation=_REMEDY,
            ) from error

    def begin(self, name: str) -> None:
        if self.incoming.manifest is None:
            if name != MANIFEST_PART:
                raise _unexpected("The first part is not the manifest.")
        elif name not in self.expected:
            raise _unexpected("A part has a name that is no file_id of the manifest.")
        elif name in self.incoming.places:
            raise DuplicateFileIdError(
                "A file comes twice: two parts have the same name.", remediation=_REMEDY
            )
        self.name, self.start = name, self.incoming.spool.tell()

    def add(self, data: bytes | bytearray) -> None:
        if self.incoming.manifest is not None:
            self.incoming.spool.write(data)
            return
        self.manifest += data
        if len(self.manifest) > MANIFEST_BYTES:
            raise BatchTooLargeError(
                f"The manifest has more than {MANIFEST_BYTES} bytes.",
                remediation="Split the batch.",
            )

    def end(self) -> None:
        if self.incoming.manifest is None:
            self._take_manifest()
        else:
            size = self.incoming.spool.tell() - self.start
            self.incoming.places[self.name] = (self.start, size)

    def _take_manifest(self) -> None:
        most = self.tenant.settings.max_batch_size
        manifest = manifest_read(bytes(self.manifest), most_files=most)
        self.check(manifest)
        self.incoming.manifest = manifest
        self.expected = frozenset(file.file_id for file in manifest.files)
        self.manifest.clear()


class _Slice(io.RawIOBase):
    """A stretch of an open file, read by position: others may read the same file meanwhile."""

    def __init__(self, descriptor: int, start: int, size: int) -> None:
        self.descriptor, self.start, self.size, self.at = descriptor, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self.at, os.SEEK_END: self.size}[whence]
        if origin + offset < 0:
            raise ValueError("before the beginning")
        self.at = origin + offset
        return self.at

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        wanted = max(0, min(len(buffer), self.size - self.at))
        found = os.preadv(self.descriptor, [memoryview(buffer)[:wanted]], self.start + self.at)
        self.at += found
        return found


def _unexpected(message: str) -> UnexpectedPartError:
    return UnexpectedPartError(
        message,
        remediation="Send the part 'manifest' first, then one part a file, named by its file_id. "
        "Nothing of the batch was kept.",
    )


def _no_space() -> ServiceUnavailableError:
    return ServiceUnavailableError(
        "There is no room for this request at present.",
        remediation="Send it again later, or in smaller batches.",
    )
