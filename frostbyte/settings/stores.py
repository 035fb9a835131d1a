"""Objects (any S3), vectors, temporary files, and the cache."""

from frostbyte.embedded.endpoints import MASTER_KEY_NAME
from frostbyte.settings.env import environment

_env = environment()

S3_ENDPOINT_URL = _env.s3_endpoint_url or _env.embedded.s3_endpoint_url
S3_ACCESS_KEY = _env.s3_access_key.get_secret_value() or _env.embedded.s3_access_key
S3_SECRET_KEY = _env.s3_secret_key.get_secret_value() or _env.embedded.s3_secret_key
S3_REGION = _env.s3_region
# How a tenant's own credential is made: see tenants.stores.credentials.
S3_IDENTITIES = _env.s3_identities or ("iam" if _env.s3_endpoint_url else "embedded")
BUCKET_PREFIX = _env.bucket_prefix
MASTER_KEY_FILE = _env.master_key_file or str(_env.home / MASTER_KEY_NAME)
# A folder a tenant for temporary files; see tenants.workspace.
WORK_FOLDER = _env.work_folder or str(_env.home / "work")
QDRANT_URL = _env.qdrant_url
CLAMD_HOST = _env.clamd_host
# A floor under the tenants' own `require_malware_scan`; see intake.malware.scanning.
REQUIRE_MALWARE_SCAN = _env.require_malware_scan == "on"

STORAGES = {
    "default": {"BACKEND": "tenants.stores.storage.TenantStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

REDIS_URL = _env.redis_url or _env.embedded.redis_url
_cache = {
    "BACKEND": "django.core.cache.backends.redis.RedisCache",
    "LOCATION": REDIS_URL,
    # Each request asks the cache; one that hangs must not hang them all.
    "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1},
}
CACHES = {
    # A tenant's entries carry its schema in their key; see tenants.routing.
    "default": {
        **_cache,
        "KEY_FUNCTION": "django_tenants.cache.make_key",
        "REVERSE_KEY_FUNCTION": "django_tenants.cache.reverse_key",
    },
    # Counts of failed sign-ins; see tenants.access.lockout.
    "lockout": {**_cache, "KEY_FUNCTION": "tenants.access.lockout.make_key"},
}
