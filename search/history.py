"""What a person asked, kept for an hour in the tenant's part of the cache.

A search is posted, and its answer page has an address of its own with an opaque name: addresses
end up in logs, histories and referrers, and query text must not. Back, forward and reload work.
Only the person who asked can use the name.
"""

from dataclasses import asdict, dataclass
from typing import Final
from uuid import UUID

from django.core.cache import cache

from frostbyte.kernel.ids import new_id

KEEP_SECONDS: Final = 60 * 60


@dataclass(frozen=True, slots=True)
class Asked:
    """One question, the wanted number of passages, and the collection to look in: empty is all."""

    query_text: str
    top_k: int | None
    collection: str = ""


def remember(asked: Asked, *, user_id: int) -> UUID:
    """Keep a question and return the name of its answer page."""
    name = new_id()
    cache.set(_key(name, user_id), asdict(asked), KEEP_SECONDS)
    return name


def recall(name: UUID, *, user_id: int) -> Asked | None:
    """Return what this person asked under this name, or None when it is past or another's."""
    kept = cache.get(_key(name, user_id))
    return Asked(**kept) if kept else None


def _key(name: UUID, user_id: int) -> str:
    return f"asked:{user_id}:{name}"
