"""Reading uploads, inside the tenant's context."""

from uuid import UUID

from intake.models import Receipt, Upload
from intake.uploads.errors import UploadNotFoundError


def upload_get(*, upload_id: UUID) -> Upload:
    """Return one upload; raises `UploadNotFoundError`."""
    related = Upload.objects.select_related("collection", "batch_file__batch")
    upload = related.filter(pk=upload_id).first()
    if upload is None:
        raise UploadNotFoundError(
            "There is no such upload, or it is over.", remediation="Begin a new one."
        )
    return upload


def upload_receipt(*, upload: Upload) -> Receipt | None:
    """Return the receipt that the upload ended with, None where it has not."""
    if upload.batch_file_id is not None:
        receipt = Receipt.objects.filter(batch_file=upload.batch_file_id).first()
        if receipt is not None:
            return receipt
    return Receipt.objects.filter(pk=upload.receipt_id).first()
