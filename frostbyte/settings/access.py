"""Who gets in: back ends, lock-out, sessions."""

import re
from datetime import timedelta

from frostbyte.settings.env import environment

_env = environment()

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]

# A person's whole session, and how long nobody may be seen in it.
SESSION_COOKIE_AGE = _env.session_hours * 60 * 60
SESSION_IDLE_SECONDS = _env.session_idle_minutes * 60
# A page that stands open asks here by itself, which is no sign of a person.
SESSION_PASSIVE_PATHS = re.compile(
    r"/documents/status/|/batches/[0-9a-f-]+/status/|/api/v1/batches/[0-9a-f-]+/events"
)

# Attempts are counted in the cache, in keys that carry the schema, so by tenant; nothing is
# written to a table. What was typed as a name is hashed before it is counted or logged.
AXES_HANDLER = "axes.handlers.cache.AxesCacheHandler"
AXES_CACHE = "lockout"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = "tenants.access.lockout.failure_limit"
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_USERNAME_CALLABLE = "tenants.access.lockout.hashed_name"
AXES_CLIENT_IP_CALLABLE = "tenants.access.lockout.client_address"
AXES_LOCKOUT_CALLABLE = "tenants.access.lockout.locked_response"
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
# Whether operators and auditors of the platform must have a second factor; see tenants.access.totp.
REQUIRE_OPERATOR_TOTP = _env.require_operator_totp == "on"
# Of django-allauth only sign-in by a tenant's identity provider is in use; see tenants.access.oidc.
ACCOUNT_ADAPTER = "tenants.access.oidc.flow.AccountAdapter"
SOCIALACCOUNT_ADAPTER = "tenants.access.oidc.flow.SocialAdapter"
ACCOUNT_EMAIL_VERIFICATION = "none"
SOCIALACCOUNT_EMAIL_VERIFICATION = "none"
SOCIALACCOUNT_STORE_TOKENS = False
# Whether an identity provider may be at a private or loopback address.
OIDC_PRIVATE_NETWORKS = _env.oidc_private_networks != "off"
PROXY_COUNT = _env.proxy_count
