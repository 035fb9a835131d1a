"""The API's manners: authentication, errors, pages, rates, description."""

from typing import Any

from frostbyte.settings.env import environment

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "tenants.api.authentication.BearerAuthentication",
        "tenants.api.authentication.PersonAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["tenants.api.permissions.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["tenants.api.parsers.BoundedJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "frostbyte.api.pagination.CursorPagination",
    "PAGE_SIZE": 50,
    "DEFAULT_THROTTLE_CLASSES": ["frostbyte.api.throttling.TenantRateThrottle"],
    "DEFAULT_METADATA_CLASS": "frostbyte.api.metadata.Metadata",
    "DEFAULT_SCHEMA_CLASS": "frostbyte.api.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "frostbyte.api.problems.exception_handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
# Requests a minute that the platform sets; a tenant's own are in its configuration.
RATES_PER_MINUTE: dict[str, int] = {
    "admin": environment().admin_rate_per_minute,
    "auth": 60,
}
RATES_COUNTED = True
# Streams of events that a tenant may have open at one time.
STREAMS_PER_TENANT = environment().max_streams_per_tenant

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Frostbyte",
    "DESCRIPTION": "Documents in, cited answers out: intake, documents, search and audit.",
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    # The badge would ask a validator on another host.
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "validatorUrl": None},
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "frostbyte.api.openapi.drop_unused_tags",
    ],
    "TAGS": [
        {"name": "auth", "description": "Exchange a key for a token that lives for minutes."},
        {"name": "intake", "description": "Hand files in; every file gets a receipt."},
        {"name": "metadata", "description": "The schemas of documents' own metadata."},
        {"name": "batches", "description": "How far a batch is, and what became of its files."},
        {"name": "documents", "description": "What was handed in, and what was made of it."},
        {"name": "collections", "description": "Who reads what within the tenant."},
        {"name": "search", "description": "Ask, and check what the answers rest on."},
        {"name": "audit", "description": "The tenant's own history."},
        {"name": "admin", "description": "The life of tenants; for operators, on the public host."},
        {"name": "health", "description": "For probes."},
    ],
    "ENUM_NAME_OVERRIDES": {
        "BatchState": "intake.models.BatchState.choices",
        "RunState": "processing.models.RunState.choices",
        "LifecycleKind": "tenants.models.LifecycleKind.choices",
        "LifecycleOutcome": "tenants.models.LifecycleOutcome.choices",
        "TenantState": "tenants.lifecycle.states.TenantState.choices",
    },
}
