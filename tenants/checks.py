"""What must hold of keys and stores before tenants are served: Django's checks."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import checks

from frostbyte.embedded.endpoints import MASTER_KEY_NAME
from tenants.encryption.master import master_key
from tenants.errors import MasterKeyError


def check_master_key(**_options: Any) -> list[checks.CheckMessage]:
    """Report a master key that is not named, not there, or not to be read.

    The one in the home folder is made by the first start, so it may not be there yet.
    """
    own = Path(settings.FROSTBYTE_HOME) / MASTER_KEY_NAME
    if str(own) == settings.MASTER_KEY_FILE and not own.exists():
        return []
    try:
        master_key()
    except MasterKeyError as error:
        return [checks.Error(error.message, hint=error.remediation, id="tenants.E001")]
    return []


def check_identities(**_options: Any) -> list[checks.CheckMessage]:
    """Warn where one credential of the object store serves all tenants."""
    if settings.S3_IDENTITIES != "none":
        return []
    return [
        checks.Warning(
            "FROSTBYTE_S3_IDENTITIES is none: one credential opens the buckets of all tenants.",
            hint="Use a store with an IAM API and set it to iam: each tenant then has its own.",
            id="tenants.W001",
        )
    ]
