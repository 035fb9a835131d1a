"""Who reads on a connection: the platform itself, a person or key with its groups, or nobody.

PostgreSQL decides by the session setting `frostbyte.reader` which collections of the tenant a
connection sees (`migrations/sql/readers.sql`). The backend sets it together with search path and
role. Nobody is the default: whoever forgets to name a reader sees no document at all.
"""

import json
from collections.abc import Iterable
from typing import Final

NOBODY: Final = ""
"""Reads no collection."""

EVERYTHING: Final = "*"
"""Reads every collection: the platform's own work on a tenant, in tasks and commands."""


def reader_of(groups: Iterable[str]) -> str:
    """Return the setting for someone in these groups; in none: unrestricted collections only."""
    return json.dumps(sorted(set(groups)))
