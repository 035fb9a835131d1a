"""Slugs: what cannot be one is refused, and the message says which character or rule it is."""

import string

import pytest

from tenants.errors import InvalidSlugError, TenantAlreadyExistsError
from tenants.lifecycle.provisioning import tenant_provision
from tenants.models import Tenant
from tenants.naming import _LOOK_ALIKES, RESERVED_SLUGS, SLUG_PATTERN, validate_slug

REFUSED = [
    ("", "at least 3"),
    ("ab", "at least 3"),
    ("x" * 32, "at most 31"),
    ("Acme", "no capital letters"),
    ("1acme", "begins with a letter"),
    ("-acme", "begins with a letter"),
    ("acme-", "single hyphens"),
    ("a--b", "single hyphens"),
    ("acme_corp", "a-z, digits and hyphens only"),
    ("acme corp", "a-z, digits and hyphens only"),
    ("acme;drop", "a-z, digits and hyphens only"),
    ("acme\n", "a-z, digits and hyphens only"),
    ("xn--80ak6aa92e", "encoded international name"),
    # The first letter of each is no Latin one, or the digit no ASCII one.
    ("аcme", "position 1 is CYRILLIC SMALL LETTER A, which only looks like 'a'"),
    ("Аcme", "position 1 is CYRILLIC CAPITAL LETTER A, which only looks like 'a'"),
    ("glοbex", "position 3 is GREEK SMALL LETTER OMICRON, which only looks like 'o'"),
    ("ａcme", "position 1 is FULLWIDTH LATIN SMALL LETTER A, which only looks like 'a'"),
    ("acme２", "position 5 is FULLWIDTH DIGIT TWO, which only looks like '2'"),
    ("ac𝗆e", "MATHEMATICAL SANS-SERIF SMALL M, which only looks like 'm'"),
    ("acmе-ltd", "position 4 is CYRILLIC SMALL LETTER IE"),
    ("acme\u200b", "position 5 is ZERO WIDTH SPACE; a slug is plain ASCII"),
    ("acme\u00ad", "SOFT HYPHEN"),
    ("açme", "LATIN SMALL LETTER C WITH CEDILLA; a slug is plain ASCII"),
    ("日本語", "CJK UNIFIED IDEOGRAPH"),
]


@pytest.mark.parametrize(("slug", "told"), REFUSED)
def test_a_slug_that_cannot_be_is_refused_with_the_reason(slug: str, told: str) -> None:
    with pytest.raises(InvalidSlugError) as caught:
        validate_slug(slug)
    assert told in caught.value.message
    assert "for example 'acme'" in caught.value.remediation


@pytest.mark.parametrize("slug", sorted(RESERVED_SLUGS))
def test_the_platforms_own_names_are_reserved(slug: str) -> None:
    with pytest.raises(InvalidSlugError, match="reserved"):
        validate_slug(slug)


@pytest.mark.parametrize("slug", ["acme", "a1b", "north-clinic", "x" * 31, "a-1-b"])
def test_plain_slugs_pass(slug: str) -> None:
    assert validate_slug(slug) == slug


def test_no_slug_can_be_taken_for_another_by_foreign_letters() -> None:
    """Two slugs differ in plain ASCII: of look-alikes, none is a character of a slug."""
    permitted = set(string.ascii_lowercase + string.digits + "-")
    for character in map(chr, range(0x110000)):
        if SLUG_PATTERN.fullmatch(f"a{character}a"):
            assert character in permitted
    assert set(_LOOK_ALIKES).isdisjoint(permitted)
    assert set(_LOOK_ALIKES.values()) <= permitted


def test_a_look_alike_of_a_tenant_is_refused_before_anything_is_made(
    acme: Tenant, globex: Tenant
) -> None:
    before = set(Tenant.objects.values_list("slug", flat=True))
    with pytest.raises(InvalidSlugError):
        tenant_provision(slug="асmе", name="Acme", actor="tester")
    with pytest.raises(TenantAlreadyExistsError):
        tenant_provision(slug="acme", name="Acme", actor="tester")
    assert set(Tenant.objects.values_list("slug", flat=True)) == before
