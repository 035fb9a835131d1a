"""Behind a TLS proxy, on services of one's own. Needs FROSTBYTE_SECRET_KEY."""

from django.core.exceptions import ImproperlyConfigured

from frostbyte.settings.base import *  # noqa: F403
from frostbyte.settings.env import PROJECT_DIR, environment

if not environment().secret_key.get_secret_value():
    raise ImproperlyConfigured("Set FROSTBYTE_SECRET_KEY: a long random text, kept secret.")

OIDC_PRIVATE_NETWORKS = environment().oidc_private_networks == "on"
REQUIRE_MALWARE_SCAN = environment().require_malware_scan != "off"
REQUIRE_OPERATOR_TOTP = environment().require_operator_totp != "off"

# One that a folder of this machine happens to hold must not be taken for the platform's.
MASTER_KEY_FILE = environment().master_key_file

STATIC_ROOT = PROJECT_DIR / "staticfiles"
WHITENOISE_USE_FINDERS = False

SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = True
SECURE_HSTS_SECONDS = 31536000
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
# Browsers take a cookie of such a name only with Secure, for the whole host and for no other.
SESSION_COOKIE_NAME = "__Host-frostbyte-session"
CSRF_COOKIE_NAME = "__Host-frostbyte-csrf"
