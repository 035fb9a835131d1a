"""The bytes of one request on their way into parts of an upload, in the tenant's bucket."""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from frostbyte.kernel.bodies import BodyInterruptedError, Read
from frostbyte.kernel.errors import FrostbyteError
from frostbyte.kernel.ids import new_id
from intake.models import Upload, UploadPart
from intake.uploads.errors import UploadChecksumError, UploadOffsetError, UploadTooLongError
from intake.uploads.protocol import Checksum
from tenants.lifecycle.gate import require_active, writing
from tenants.models import Tenant
from tenants.stores import for_tenant

PART_BYTES: Final = 2 * 1024 * 1024
"""So much is in memory of a request, and at most so much is lost when its process is killed."""
PREFIX: Final = "uploads/"
_BLOCK: Final = 64 * 1024


@dataclass
class Appending:
    """The bytes of one request on their way into parts of the upload."""

    tenant: Tenant
    upload: Upload
    checksum: Checksum | None
    buffer: bytearray = field(default_factory=bytearray)
    written: list[UploadPart] = field(default_factory=list)
    """Parts that are stored, and not on record yet."""
    replaced: UploadPart | None = None
    """The last part on record where it is a small one: its bytes go into the next."""

    def take(self, read: Read) -> None:
        """Take everything in; what is refused is removed again.

        After other failures parts that are not on record stay until the upload ends: whether a
        commit that was cut off went through is not known.
        """
        self._begin()
        hasher = self.checksum.hasher() if self.checksum else None
        try:
            is_complete = self._read(read, hasher)
            if self.checksum and hasher is not None:
                self._require(is_complete, hasher.digest() == self.checksum.digest)
        except (UploadChecksumError, UploadTooLongError):
            self._discard()
            raise
        self._store()
        self._record()

    def _begin(self) -> None:
        last = self.upload.parts.order_by("-offset").first()
        if last is not None and last.size_bytes < PART_BYTES:
            self.replaced = last
            self.buffer += for_tenant(self.tenant).objects.get(last.key)

    def _read(self, read: Read, hasher: Any) -> bool:
        """Return whether the body came to its end."""
        missing = self.upload.size_bytes - self.upload.offset
        try:
            while block := read(min(_BLOCK, PART_BYTES - len(self.buffer))):
                missing -= len(block)
                if missing < 0:
                    raise too_long(self.upload)
                if hasher is not None:
                    hasher.update(block)
                self.buffer += block
                if len(self.buffer) == PART_BYTES:
                    self._store()
                    if self.checksum is None:
                        self._record()
        except BodyInterruptedError:
            return False
        return True

    def _require(self, is_complete: bool, is_right: bool) -> None:
        if is_complete and is_right:
            return
        raise UploadChecksumError(
            "The bytes that came are not those of Upload-Checksum; none of them was kept.",
            remediation="Send them again from the same offset.",
            extra={"offset": self.upload.offset},
        )

    def _store(self) -> None:
        """Put what is in memory into the bucket as a part; no two parts ever share a name."""
        if self._place() + len(self.buffer) == self._reached():
            return
        require_active(self.tenant)
        part = UploadPart(
            upload=self.upload,
            offset=self._place(),
            size_bytes=len(self.buffer),
            key=f"{PREFIX}{self.upload.pk}/{new_id()}",
        )
        with writing(self.tenant):
            for_tenant(self.tenant).objects.put(part.key, BytesIO(self.buffer))
        self.written.append(part)
        self.buffer = bytearray()

    def _place(self) -> int:
        """Return where the bytes in memory belong."""
        if self.written:
            return self.written[-1].offset + self.written[-1].size_bytes
        return self.replaced.offset if self.replaced else self.upload.offset

    def _reached(self) -> int:
        """Return up to where bytes are stored, on record or not."""
        return self._place() if self.written else self.upload.offset

    def _record(self) -> None:
        """Put the stored parts on record, unless the upload went on without this request."""
        if not self.written:
            return
        reached, expires_at = self._reached(), upload_expiry(self.upload)
        with transaction.atomic():
            same = Upload.objects.filter(pk=self.upload.pk, offset=self.upload.offset)
            if not same.update(offset=reached, expires_at=expires_at):
                raise elsewhere(self.upload.offset)
            if self.replaced is not None:
                UploadPart.objects.filter(pk=self.replaced.pk).delete()
            UploadPart.objects.bulk_create(self.written)
        self.upload.offset, self.upload.expires_at = reached, expires_at
        self.written = []
        if self.replaced is not None:
            for_tenant(self.tenant).objects.delete(self.replaced.key)
            self.replaced = None

    def _discard(self) -> None:
        """Remove parts that came to nothing; what cannot be now goes with the upload."""
        with suppress(FrostbyteError):
            for part in self.written:
                for_tenant(self.tenant).objects.delete(part.key)


def upload_expiry(upload: Upload) -> datetime:
    """Return until when the upload is kept without a sign of its sender."""
    expires_at = timezone.now() + timedelta(hours=settings.UPLOAD_HOURS)
    batch_ends = upload.batch_file.batch.expires_at if upload.batch_file else None
    return min(expires_at, batch_ends) if batch_ends else expires_at


def elsewhere(offset: int) -> UploadOffsetError:
    """Return the error for bytes that belong to another place than the upload has reached."""
    return UploadOffsetError(
        "The upload does not stand where these bytes belong.",
        remediation="Ask by HEAD how far it is, and go on from there.",
        extra={"offset": offset},
    )


def too_long(upload: Upload) -> UploadTooLongError:
    """Return the error for more bytes than were announced."""
    return UploadTooLongError(
        f"The upload was announced with {upload.size_bytes} bytes, and more are sent.",
        remediation="Begin a new upload with the size that the file has.",
        extra={"size_bytes": upload.size_bytes},
    )
