"""The description of the API: every operation tells of the problems that it may answer with."""

from collections.abc import Iterator
from typing import Any, Final

from drf_spectacular.openapi import AutoSchema as SpectacularAutoSchema
from rest_framework import serializers

from frostbyte.api.codes import codes_by_status
from frostbyte.api.problems import MEDIA_TYPE

STATUS_WORDS: Final = {
    400: "The request breaks a rule",
    401: "No key or sign-in, or one that is not in force",
    403: "The caller may not do this, or the tenant is stopped",
    404: "There is no such thing here, or it belongs to another tenant",
    405: "The method is not allowed here",
    406: "The media type that is accepted cannot be given",
    409: "The present state does not permit this",
    413: "Too large",
    415: "A body or file of a kind that is not taken",
    422: "The file cannot be taken as it is",
    429: "Too many requests in the present minute; `Retry-After` says how long to wait",
    500: "A fault on our side",
    503: "A service that this needs does not answer at present",
}


class BreachSerializer(serializers.Serializer[Any]):
    """One broken rule: where, what was sent (null unless short and harmless), what is allowed."""

    field = serializers.CharField(allow_blank=True)
    value = serializers.JSONField(allow_null=True)
    constraint = serializers.CharField()


class ProblemSerializer(serializers.Serializer[Any]):
    """An error (RFC 9457). Some codes add members, such as `receipt_id` for a refused file."""

    type = serializers.CharField(help_text="A URN that names the kind of problem.")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="What is wrong, in a sentence.")
    code = serializers.CharField(help_text="Stable, for machines.")
    request_id = serializers.CharField(help_text="Also in X-Request-ID, and on our log lines.")
    remediation = serializers.CharField(allow_blank=True, help_text="What can be done about it.")
    errors = BreachSerializer(many=True)


class AutoSchema(SpectacularAutoSchema):
    """drf-spectacular's, with the problems of each operation added to its responses.

    They follow from what the operation is: with a body, with a key, with an id, with a rate. A
    view adds more in `further_problems`, by method.
    """

    def _get_response_bodies(self, direction: str = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        if direction == "response":
            for status in sorted(set(self._problem_statuses())):
                bodies.setdefault(str(status), self._problem(status))
        return bodies

    def _problem_statuses(self) -> Iterator[int]:
        yield from (406, 500)
        if {} not in self.get_auth():
            yield from (401, 403)
        if getattr(self.view, "throttle_scope", None):
            yield 429
        if "{" in self.path:
            yield 404
        if self._get_request_body() or self._get_parameters():
            yield 400
        if self._get_request_body():
            yield from (413, 415)
        yield from getattr(self.view, "further_problems", {}).get(self.method, ())

    def _problem(self, status: int) -> dict[str, Any]:
        body: dict[str, Any] = self._get_response_for_code(
            ProblemSerializer, str(status), media_types=[MEDIA_TYPE]
        )
        codes = ", ".join(f"`{code}`" for code in codes_by_status().get(status, ()))
        body["description"] = f"{STATUS_WORDS[status]}. {codes}".strip()
        return body
