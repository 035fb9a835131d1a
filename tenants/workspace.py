"""Temporary files of a tenant, in a folder of its own that other accounts cannot enter.

The files have no name (`tempfile.TemporaryFile`): they end with whoever holds them open, so
nothing stays behind when a process is killed, and no other file is ever opened in their place.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler

from tenants.naming import PUBLIC_SCHEMA

_OWNER_ONLY: Final = 0o700


def workspace_folder(schema: str) -> Path:
    """Return the folder for the temporary files of a schema's tenant, made where it is missing.

    The public schema's is for what comes in for no tenant. Raises `OSError`.
    """
    folder = _folder(schema)
    folder.parent.mkdir(mode=_OWNER_ONLY, parents=True, exist_ok=True)
    folder.mkdir(mode=_OWNER_ONLY, exist_ok=True)
    return folder


def workspace_remove(schema: str) -> None:
    """Remove the folder from this machine; nothing happens when there is none.

    Files that are open in it can be read to their end: they have no name to lose.
    """
    folder = _folder(schema)
    if folder.exists():
        shutil.rmtree(folder)


def workspace_file(schema: str) -> BinaryIO:
    """Return an empty file in the tenant's folder, with a descriptor and without a name."""
    return cast("BinaryIO", tempfile.TemporaryFile(dir=workspace_folder(schema)))


def workspace_spool(schema: str, *, memory_bytes: int) -> BinaryIO:
    """Return a file that moves from memory to the tenant's folder past `memory_bytes`."""
    folder = str(workspace_folder(schema))
    return cast("BinaryIO", tempfile.SpooledTemporaryFile(max_size=memory_bytes, dir=folder))


class WorkspaceUploadHandler(FileUploadHandler):
    """Write each file of a request into the folder of the request's tenant, as it comes in.

    Routing has set `request.tenant` before anything reads the body.
    """

    file: "UploadedFile[bytes]"

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begin a file."""
        super().new_file(*args, **kwargs)
        tenant = getattr(self.request, "tenant", None)
        self.file = UploadedFile(
            workspace_file(tenant.schema_name if tenant else PUBLIC_SCHEMA),
            self.file_name,
            self.content_type,
            0,
            self.charset,
            self.content_type_extra,
        )

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Add bytes to the file that was begun last."""
        del start
        self.file.write(raw_data)

    def file_complete(self, file_size: int) -> "UploadedFile[bytes]":
        """Return the whole file, at its beginning."""
        self.file.seek(0)
        self.file.size = file_size
        return self.file

    def upload_interrupted(self) -> None:
        """Give up the file whose sender went away."""
        if hasattr(self, "file"):
            self.file.close()


def _folder(schema: str) -> Path:
    return Path(settings.WORK_FOLDER) / schema
