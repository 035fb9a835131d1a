"""What can go wrong with a question."""

from frostbyte.kernel.errors import ValidationError


class QueryError(ValidationError):
    """A question that cannot be asked as it stands."""
