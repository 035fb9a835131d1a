"""Files of age identities (age-encryption.org), as `age-keygen` writes them."""

from pyrage import IdentityError, x25519


class NotIdentitiesError(ValueError):
    """The text holds no identity, or one that is damaged; the text itself is not told."""


def identities_of(text: str) -> tuple[x25519.Identity, ...]:
    """Return the X25519 identities of a file: one a line, comments begin with #.

    Raises `NotIdentitiesError`.
    """
    lines = (line.strip() for line in text.splitlines())
    try:
        found = tuple(x25519.Identity.from_str(line) for line in lines if line and line[0] != "#")
    except IdentityError:
        raise NotIdentitiesError from None
    if not found:
        raise NotIdentitiesError
    return found


def identity_lines(identity: x25519.Identity) -> str:
    """Return an identity as it stands in a file: a comment with the public key, the secret."""
    return f"# public key: {identity.to_public()}\n{identity}\n"
