"""Every name that belongs to a tenant, derived from its slug here and nowhere else.

The slug is a host name label. Schemas and roles use underscores, which a slug cannot hold, so
two slugs never share a name. Roles live in the whole PostgreSQL cluster, so they carry the
database's name.
"""

import re
import unicodedata
from collections.abc import Callable
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
LABEL_PATTERN: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
LABEL_LIMIT: Final = 63
LABEL_RULE: Final = "1 to 63 characters: a-z, 0-9 and single hyphens."
"""What a tenant's own names are made of, for example its groups' and collections'."""
_ROLE_NAME_LIMIT: Final = 63
_LOOK_ALIKES: Final = {
    **dict(zip("авԁеһіјӏкморԛѕтѵԝху", "abdehijlkmopqstvwxy", strict=True)),
    **dict(zip("αβεγηικνορτυωχ", "abeynikvoptuwx", strict=True)),
    **dict(zip("ոսɑɡıℓ", "nuagil", strict=True)),  # noqa: RUF001
}
"""Cyrillic, Armenian, Greek and other letters by the Latin letter that they can be taken for.

The commonest of Unicode's table of confusables (UTS 39), for the message only: all are refused.
"""


def validate_slug(slug: str) -> str:
    """Return `slug` if it is a permitted one; raises `InvalidSlugError` that says why not.

    Only ASCII is permitted, so no slug can be taken for another by its letters' looks.
    """
    reason = _foreign_letter(slug) or _fault(slug)
    if reason:
        raise InvalidSlugError(
            reason,
            remediation="Use 3 to 31 characters, a-z, 0-9 and single hyphens, a letter first: "
            "for example 'acme' or 'north-clinic'.",
        )
    if slug in RESERVED_SLUGS:
        raise InvalidSlugError(
            f"The slug '{slug}' is reserved for the platform.", remediation="Choose another slug."
        )
    return slug


def _foreign_letter(slug: str) -> str:
    """Say which character is not ASCII, by its Unicode name, and what it can be taken for."""
    for position, character in enumerate(slug, start=1):
        if character.isascii():
            continue
        name = unicodedata.name(character, f"U+{ord(character):04X}")
        plain = unicodedata.normalize("NFKC", character)
        meant = plain if _is_plain(plain) else _LOOK_ALIKES.get(character.lower(), "")
        looks = f", which only looks like '{meant}'" if meant else ""
        return f"The character at position {position} is {name}{looks}; a slug is plain ASCII."
    return ""


def _is_plain(text: str) -> bool:
    return len(text) == 1 and text.isascii() and text.isalnum()


def _fault(slug: str) -> str:
    """Say which rule of form the slug breaks, the plainest first."""
    return next((told for is_broken, told in _RULES if is_broken(slug)), "")


_RULES: Final[tuple[tuple[Callable[[str], object], str], ...]] = (
    (
        lambda slug: slug.startswith("xn--"),
        "'xn--' begins an encoded international name, which a slug cannot be.",
    ),
    (lambda slug: len(slug) < 3, "A slug has at least 3 characters."),
    (lambda slug: len(slug) > 31, "A slug has at most 31 characters."),
    (lambda slug: slug != slug.lower(), "A slug has no capital letters."),
    (lambda slug: not slug[0].isalpha(), "A slug begins with a letter."),
    (
        lambda slug: slug.endswith("-") or "--" in slug,
        "A slug has single hyphens, each between letters or digits.",
    ),
    (
        lambda slug: not SLUG_PATTERN.fullmatch(slug),
        "A slug has letters a-z, digits and hyphens only.",
    ),
)


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
