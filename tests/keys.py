"""Keys as their bearers show them."""

from tenants.access.credentials import credential_of
from tenants.models import ApiKey


def api_key_authenticate(*, presented: str) -> ApiKey:
    """Return the tenant's key that was presented; raises like `credential_of`."""
    credential = credential_of(presented)
    assert isinstance(credential.key, ApiKey)
    assert not credential.is_token
    return credential.key
