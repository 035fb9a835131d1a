"""What can go wrong with the embedded servers, each with what to do about it."""

from typing import ClassVar

from frostbyte.kernel.errors import FrostbyteError


class EmbeddedServerError(FrostbyteError):
    """An embedded server did not start, died while starting, or never became healthy."""

    code: ClassVar[str] = "EMBEDDED_SERVER_FAILED"
    http_status: ClassVar[int] = 503


class HomeLockedError(FrostbyteError):
    """Another process is starting or stopping the servers of this home and does not finish."""

    code: ClassVar[str] = "EMBEDDED_HOME_LOCKED"
    http_status: ClassVar[int] = 503
    retryable: ClassVar[bool] = True


class UnsafeFolderError(FrostbyteError):
    """A folder that the servers would use belongs to someone else."""

    code: ClassVar[str] = "EMBEDDED_FOLDER_UNSAFE"
    http_status: ClassVar[int] = 500


class MasterKeyLostError(FrostbyteError):
    """The file that opens every tenant's data key was here and is not any more."""

    code: ClassVar[str] = "MASTER_KEY_LOST"
    http_status: ClassVar[int] = 503


class AlreadyUpError(FrostbyteError):
    """`manage.py up` runs already on this home."""

    code: ClassVar[str] = "ALREADY_UP"
    http_status: ClassVar[int] = 409


class UpgradeFailedError(FrostbyteError):
    """The database could not be brought to this version of the code."""

    code: ClassVar[str] = "UPGRADE_FAILED"
    http_status: ClassVar[int] = 500
