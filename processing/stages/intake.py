"""Stage 1: the bytes in the store are the bytes that were received."""

from dataclasses import asdict
from typing import Any

from frostbyte.kernel.errors import FrostbyteError
from frostbyte.kernel.hashing import sha256_of_file
from processing.payloads import Receipt, ReceivedFile
from processing.stages.context import StageContext


class RawMismatchError(FrostbyteError):
    """The stored bytes are not the received ones any more."""

    code = "CHECKSUM_MISMATCH"
    http_status = 422


def confirm(received: ReceivedFile, context: StageContext) -> Receipt:
    """Read the raw object back and compare its SHA-256 with the receipt's."""
    with context.stores.objects.open(received.raw_key) as stream:
        found = sha256_of_file(stream)
    if found != received.raw_sha256:
        raise RawMismatchError(
            "The stored file is not the one that was received.",
            remediation="Send the file again; the operator should look at the object store.",
        )
    return Receipt(**asdict(received))


def details(receipt: Receipt) -> dict[str, Any]:
    """Return what the audit event of this stage tells."""
    return {"size_bytes": receipt.size_bytes}
