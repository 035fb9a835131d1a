"""Lists come in pages that neither skip nor repeat a row while others are added."""

from typing import Any, Final

from rest_framework import pagination
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request

MAX_PAGE_SIZE: Final = 200


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
        if not asked.isascii() or not asked.isdigit() or not 1 <= int(asked) <= MAX_PAGE_SIZE:
            message = f"Must be a whole number from 1 to {MAX_PAGE_SIZE}."
            raise ValidationError({self.page_size_query_param: [message]})
        return int(asked)

    def decode_cursor(self, request: Request) -> Any:
        """Return the decoded cursor; raises `ValidationError` for one that was not given by us."""
        try:
            return super().decode_cursor(request)
        except NotFound as error:
            message = "Must be the cursor of a `next` or `previous` address of this list."
            raise ValidationError({self.cursor_query_param: [message]}) from error

    def get_ordering(self, request: Request, queryset: Any, view: Any) -> tuple[str, ...]:
        """Return the order that the view names."""
        ordering: tuple[str, ...] = view.cursor_ordering
        return ordering
