"""Views whose POST may be sent again under an `Idempotency-Key`."""

from typing import Any, Final

from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from intake.idempotency import Answer, Claim, key_read
from tenants.api.callers import actor_of

HEADER: Final = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description=(
        "Your name for this request, such as a UUID. The same request again within 24 hours gets "
        "the first answer, with `Idempotent-Replayed: true`, and is not carried out again."
    ),
)
_NOT_KEPT: Final = frozenset({401, 403, 408, 409, 429})
"""Refusals that may be gone when the request comes again; faults of ours (5xx) are not kept too."""


class ReplayedError(Exception):
    """The work was done before: `answer` is what it was answered with."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


class IdempotentMixin(APIView):
    """A view that calls `idempotent` once it knows what a request brings, before it does the work.

    What it answers then is kept, whatever it is, but for refusals and faults that may pass.
    """

    _claim: Claim | None = None

    def idempotent(self, request: Request, fingerprint: str) -> None:
        """Take the request's key, if it has one; ends the request where it was answered before.

        `fingerprint` is the SHA-256 of all that the answer depends on.
        """
        header = request.headers.get("Idempotency-Key")
        if header is None:
            return
        endpoint = f"{request.method} {request.path}"
        claim = Claim(key=key_read(header), principal=actor_of(request), endpoint=endpoint[:200])
        answer = claim.take(fingerprint)
        if answer is not None:
            raise ReplayedError(answer)
        self._claim = claim

    def handle_exception(self, exc: Exception) -> Response:
        """Answer a repeated request as the first; leave the rest to DRF."""
        if isinstance(exc, ReplayedError):
            return _replayed(exc.answer)  # type: ignore[return-value]
        return super().handle_exception(exc)

    def finalize_response(
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> Response:
        """Keep the answer once it is rendered."""
        final: Any = super().finalize_response(request, response, *args, **kwargs)
        claim, self._claim = self._claim, None
        if claim is not None:
            if final.status_code >= 500 or final.status_code in _NOT_KEPT:
                claim.let_go()
            elif isinstance(final, Response):
                final.add_post_render_callback(lambda rendered: _keep(claim, rendered))
            else:
                _keep(claim, final)
        return final  # type: ignore[no-any-return]


def _keep(claim: Claim, response: HttpResponseBase) -> None:
    claim.keep(
        Answer(
            status=response.status_code,
            body=bytes(response.content),  # type: ignore[attr-defined]
            content_type=response.headers.get("Content-Type", ""),
            location=response.headers.get("Location", ""),
        )
    )


def _replayed(answer: Answer) -> HttpResponse:
    response = HttpResponse(answer.body, status=answer.status, content_type=answer.content_type)
    response["Idempotent-Replayed"] = "true"
    response["Cache-Control"] = "no-store"
    if answer.location:
        response["Location"] = answer.location
    return response
