"""The description of the API: every operation tells its scope, and how it may go wrong."""

from collections.abc import Iterator
from typing import Any, Final, Literal

from drf_spectacular.openapi import AutoSchema as SpectacularAutoSchema
from rest_framework import serializers

from frostbyte.api.codes import HTTP, Code, answer_codes
from frostbyte.api.problems import MEDIA_TYPE, Problem
from tenants.api.permissions import required_scopes

STATUS_WORDS: Final = {
    200: "Done.",
    201: "Made.",
    202: "Accepted.",
    400: "The request breaks a rule.",
    401: "No key or sign-in, or one that is not in force.",
    403: "The caller may not do this, or the tenant is stopped.",
    404: "There is no such thing here, or it belongs to another tenant.",
    406: "The media type that is accepted cannot be given.",
    409: "The present state does not permit this.",
    412: "Another version than `If-Match` names is in force.",
    413: "Too large.",
    415: "A body or a file of a kind that is not taken.",
    422: "The file or the schema cannot be taken as it is.",
    423: "Another request is at work on it.",
    429: "Too many requests within a minute; `Retry-After` says how long to wait.",
    460: "The bytes that came are not those of the checksum.",
    500: "A fault on our side.",
    503: "A service that this needs does not answer at present.",
}
_OF_ALL: Final = frozenset({401, 403})
_REQUEST_ID: Final = "0199c1f0-6a3e-7c1b-9d52-3f0c2b7a4e11"


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
    errors = BreachSerializer(many=True)  # type: ignore[assignment]


class AutoSchema(SpectacularAutoSchema):
    """drf-spectacular's, with each operation's scope, and the problems that it may answer with.

    The problems follow from what the operation is: with a body, with a key, with an id, with a
    rate. A view adds statuses in `further_problems`, by method, and in `problem_origins` the apps
    whose codes it may pass on besides its own.
    """

    def get_summary(self) -> str:
        """Return the first sentence of the docstring, as the operation's heading."""
        return self._docstring()[0].rstrip(".")

    def get_description(self) -> str:  # type: ignore[override]
        """Return the rest of the docstring, and the scope that the operation needs."""
        first, rest = self._docstring()
        scopes = [f"`{scope}`" for scope in sorted(required_scopes(self.view, self.method))]
        needs = f"Scope: {' or '.join(scopes)}." if scopes else ""
        return "\n\n".join(filter(None, (rest, needs))) or first

    def _docstring(self) -> tuple[str, str]:
        told: str = super().get_description()
        first, _, rest = told.partition("\n")
        return first, rest.strip()

    def _get_response_bodies(
        self, direction: Literal["request", "response"] = "response"
    ) -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for told, body in bodies.items():
            body["description"] = body["description"] or STATUS_WORDS[int(told)]
        for status in sorted(set(self._problem_statuses())):
            bodies.setdefault(str(status), self._problem(status))
        return bodies

    def _problem_statuses(self) -> Iterator[int]:
        yield from (406, 500)
        if {} not in self.get_auth():
            yield from (401, 403)
        if getattr(self.view, "throttle_scope", None):
            yield 429
        places = {parameter["in"] for parameter in self._get_parameters()}
        if "path" in places:
            yield 404
        if "query" in places:
            yield 400
        if self._get_request_body():  # type: ignore[no-untyped-call]
            yield from (400, 413, 415)
        yield from getattr(self.view, "further_problems", {}).get(self.method, ())

    def _problem(self, status: int) -> dict[str, Any]:
        body: dict[str, Any] = self._get_response_for_code(  # type: ignore[no-untyped-call]
            ProblemSerializer, str(status), media_types=[MEDIA_TYPE]
        )
        body["description"] = STATUS_WORDS[status]
        body["content"][MEDIA_TYPE]["examples"] = {
            code.code: {"summary": code.code, "value": _example(code)}
            for code in self._codes(status)
        }
        return body

    def _codes(self, status: int) -> Iterator[Code]:
        own = type(self.view).__module__.split(".", maxsplit=1)[0]
        origins = {HTTP, own, *getattr(self.view, "problem_origins", ())}
        for code in answer_codes():
            if code.status == status and (status in _OF_ALL or code.origin in origins):
                yield code


def drop_unused_tags(result: dict[str, Any], **_more: Any) -> dict[str, Any]:
    """Keep the tags that an operation of this host has; drf-spectacular calls it at the end."""
    operations = [each for methods in result["paths"].values() for each in methods.values()]
    used = {tag for operation in operations for tag in operation.get("tags", ())}
    result["tags"] = [tag for tag in result["tags"] if tag["name"] in used]
    return result


def _example(code: Code) -> dict[str, Any]:
    problem = Problem(status=code.status, code=code.code, detail=code.meaning)
    return problem.members(request_id=_REQUEST_ID)
