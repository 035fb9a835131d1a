"""PostgreSQL, one schema and role a tenant."""

import dj_database_url

from frostbyte.settings.env import environment

_env = environment()

DATABASES = {
    "default": {
        **dj_database_url.parse(
            _env.database_url or _env.embedded.database_url,
            engine="tenants.database",
        ),
        # Persistent connections belong to threads, and an ASGI server makes a thread a request.
        "CONN_MAX_AGE": 0,
        "DISABLE_SERVER_SIDE_CURSORS": False,
    }
}
# Others than the embedded server might be behind a proxy; see tenants.database.pooling.
DATABASE_IS_EMBEDDED = not _env.database_url
DATABASE_ROUTERS = ["django_tenants.routers.TenantSyncRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TENANT_MODEL = "tenants.Tenant"
TENANT_DOMAIN_MODEL = "tenants.Domain"

# Where the audit events are: a schema that the application does not own.
PG_EXTRA_SEARCH_PATHS = ["audit"]
# Its check would need a running database for any command at all, `up` and `embedded` included.
SKIP_PG_EXTRA_VALIDATION = True

# One search path and role statement a switch, not a query: the backend knows when to repeat it.
TENANT_LIMIT_SET_CALLS = True

SHARED_APPS = [
    "django_tenants",
    "tenants",
    "audit",
    "frostbyte",
    "frostbyte.embedded",
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.admin",
    "axes",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]
TENANT_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "tenants.access.oidc",
    "intake",
    "processing",
    "search",
]
INSTALLED_APPS = [*SHARED_APPS, *(app for app in TENANT_APPS if app not in SHARED_APPS)]

MIGRATION_MODULES = {
    app: f"migrations.{app}" for app in ("audit", "tenants", "intake", "processing", "search")
}
