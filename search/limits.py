"""How much may be asked at once."""

from typing import Final

QUERY_LIMIT: Final = 2000
"""Characters of a question; longer ones are passages, and search by document is for those."""
