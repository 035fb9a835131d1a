"""Why nothing can be told of a batch."""

from frostbyte.kernel.errors import FrostbyteError


class BatchNotFinalError(FrostbyteError):
    """Something will still happen to a file of the batch; `progress` says how far it is."""

    code = "BATCH_NOT_FINAL"
    http_status = 409
    retryable = True
