"""Identifiers: time-ordered for rows, name-based where the same input must give the same id."""

import uuid

import uuid_utils

NAMESPACE = uuid.UUID("6f7a1b52-52f4-5b1e-9a7e-9e1f6c1d0f57")


def new_id() -> uuid.UUID:
    """Return a UUIDv7 (RFC 9562): unique, and sortable by the time it was made."""
    return uuid.UUID(bytes=uuid_utils.uuid7().bytes)


def derived_id(*parts: object) -> uuid.UUID:
    """Return the UUIDv5 that the given parts always map to, in any process, on any day."""
    return uuid.uuid5(NAMESPACE, "\x1f".join("" if part is None else str(part) for part in parts))
