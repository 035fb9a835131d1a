"""Every name that belongs to a tenant, derived from its slug here and nowhere else.

The slug is a host name label. Schemas and roles use underscores, which a slug cannot hold, so
two slugs never share a name. Roles live in the whole PostgreSQL cluster, so they carry the
database's name.
"""

import re
from typing import Final

from tenants.errors import InvalidSlugError

SLUG_PATTERN: Final = re.compile(r"[a-z][a-z0-9-]{2,30}")
RESERVED_SLUGS: Final = frozenset(
    {"admin", "api", "console", "docs", "health", "localhost", "mail", "platform", "public",
     "static", "status", "support", "www"}
)  # fmt: skip
PLATFORM: Final = "platform"
"""Stands for the platform itself where a tenant's slug is expected, in audit events for one."""
PUBLIC_SCHEMA: Final = "public"
_ROLE_NAME_LIMIT: Final = 63


def validate_slug(slug: str) -> str:
    """Return `slug` if it is a permitted one; raises `InvalidSlugError` that says why not."""
    if not SLUG_PATTERN.fullmatch(slug) or slug.endswith("-") or "--" in slug:
        raise InvalidSlugError(
            "A slug has 3 to 31 characters: a-z, 0-9 and single hyphens, a letter first.",
            remediation="Use plain lower-case Latin letters, for example 'acme' or 'north-clinic'.",
        )
    if slug in RESERVED_SLUGS:
        raise InvalidSlugError(
            f"The slug '{slug}' is reserved for the platform.", remediation="Choose another slug."
        )
    return slug


def schema_name(slug: str) -> str:
    """Return the PostgreSQL schema of the tenant."""
    return f"t_{slug.replace('-', '_')}"


def role_name(schema: str, *, database: str) -> str:
    """Return the PostgreSQL role that owns `schema` in `database`."""
    name = f"{database}_{schema}"
    if len(name) > _ROLE_NAME_LIMIT:
        raise InvalidSlugError(
            f"The role name for schema '{schema}' would exceed {_ROLE_NAME_LIMIT} characters.",
            remediation="Use a shorter slug, or a shorter database name.",
        )
    return name


def group_role_name(*, database: str) -> str:
    """Return the role that holds what every tenant's role may do in the public schema."""
    return f"{database}_tenants"


def bucket_name(slug: str, *, prefix: str) -> str:
    """Return the tenant's bucket in the object store."""
    return f"{prefix}-{slug}"


def domain_name(slug: str, *, base_domain: str) -> str:
    """Return the host name under which the tenant's people find their pages."""
    return f"{slug}.{base_domain}"
