"""Requests, pages, sessions and their protection."""

from csp.constants import NONE, SELF

from frostbyte.settings.env import PROJECT_DIR, environment

_env = environment()

SECRET_KEY = _env.signing_key
BASE_DOMAIN = _env.base_domain
ALLOWED_HOSTS = [f".{BASE_DOMAIN}", "127.0.0.1", *_env.allowed_hosts]
ROOT_URLCONF = "frostbyte.urls_tenant"
PUBLIC_SCHEMA_URLCONF = "frostbyte.urls_public"
ASGI_APPLICATION = "frostbyte.asgi.application"
WSGI_APPLICATION = "frostbyte.wsgi.application"

# Called with (request, FrostbyteError) for errors before a view is reached; returns the response.
ERROR_RENDERER = "frostbyte.api.problems.error_response"

MIDDLEWARE = [
    "frostbyte.api.middleware.RequestIdMiddleware",
    "frostbyte.api.health.HealthMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "frostbyte.api.middleware.NoStoreMiddleware",
    "tenants.routing.TenantRoutingMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "tenants.access.sessions.SessionLimitsMiddleware",
    "tenants.routing.ReaderMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "axes.middleware.AxesMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [PROJECT_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "tenants.pages.scopes_in_templates",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
STATIC_URL = "static/"
STATICFILES_DIRS = [PROJECT_DIR / "templates" / "static"]
# Files are served from where they lie; in production from where `collectstatic` put them.
WHITENOISE_USE_FINDERS = True

LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "login"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# No inline scripts or styles, nothing from other hosts. A page that needs more says so itself.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
    for name, options in (
        ("UserAttributeSimilarityValidator", {}),
        ("MinimumLengthValidator", {"min_length": 12}),
        ("CommonPasswordValidator", {}),
        ("NumericPasswordValidator", {}),
    )
]
# How long the link of an invitation works.
PASSWORD_RESET_TIMEOUT = 2 * 24 * 60 * 60
FILE_UPLOAD_HANDLERS = ["tenants.workspace.WorkspaceUploadHandler"]
DATA_UPLOAD_MAX_NUMBER_FILES = 1000
# A request of more is refused before its body is read; larger deliveries are for resumable uploads.
MAX_REQUEST_BYTES = _env.max_request_mb * 1024**2
# How long a batch waits for files that were announced.
BATCH_OPEN_HOURS = _env.batch_open_hours

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
