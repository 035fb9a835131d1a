"""Lists come in pages that neither skip nor repeat a row while others are added."""

import re
from typing import Any, Final

from django.core import exceptions
from django.core.validators import ProhibitNullCharactersValidator
from django.db.models import Model
from rest_framework import pagination
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request

MAX_PAGE_SIZE: Final = 200
_WHOLE_NUMBER: Final = re.compile(r"[0-9]{1,3}")


class CursorPagination(pagination.CursorPagination):
    """Pages by cursor: `next` and `previous` are whole addresses, or null at an end.

    `page_size` takes 1 to 200; a cursor is opaque, and good for the list that gave it. A view
    names its own `ordering` in the attribute `cursor_ordering`, unique or nearly so.
    """

    page_size_query_param = "page_size"
    max_page_size = MAX_PAGE_SIZE
    page_size_query_description = f"Rows a page, 1 to {MAX_PAGE_SIZE}."
    cursor_query_description = "The cursor of `next` or `previous`; leave it out to begin."

    def get_page_size(self, request: Request) -> int | None:
        """Return the rows a page; raises `ValidationError` where DRF would fall back in silence."""
        asked = request.query_params.get(self.page_size_query_param)
        if asked is None:
            return self.page_size
        if not _WHOLE_NUMBER.fullmatch(asked) or not 1 <= int(asked) <= MAX_PAGE_SIZE:
            message = f"Must be a whole number from 1 to {MAX_PAGE_SIZE}."
            raise ValidationError({self.page_size_query_param: [message]})
        return int(asked)

    def paginate_queryset(
        self, queryset: Any, request: Request, view: Any = None
    ) -> list[Any] | None:
        """Return the rows of the page that is asked for; `queryset` must be one, no sequence."""
        self._model: type[Model] = queryset.model
        return super().paginate_queryset(queryset, request, view)

    def decode_cursor(self, request: Request) -> Any:
        """Return the decoded cursor; raises `ValidationError` for one that was not given by us."""
        try:
            cursor = super().decode_cursor(request)
            if cursor is not None and cursor.position is not None:
                self._require_position(str(cursor.position))
        except (NotFound, exceptions.ValidationError) as error:
            message = "Must be the cursor of a `next` or `previous` address of this list."
            raise ValidationError({self.cursor_query_param: [message]}) from error
        return cursor

    def _require_position(self, position: str) -> None:
        """Raise Django's `ValidationError` unless the leading column could hold this."""
        name = self.ordering[0].lstrip("-")
        column: Any = self._model._meta.get_field(name)  # noqa: SLF001 - a public interface
        ProhibitNullCharactersValidator()(position)
        column.to_python(position)

    def get_ordering(self, request: Request, queryset: Any, view: Any) -> tuple[str, ...]:
        """Return the order that the view names."""
        ordering: tuple[str, ...] = view.cursor_ordering
        return ordering
