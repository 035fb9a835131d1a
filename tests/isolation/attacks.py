"""One request as an attack: who sends it, by which host, and whether the answer leaks.

An answer is a leak when it holds anything that is the victim's alone, when it differs from the
answer to the like that exists nowhere, or when the request changed anything of the victim.
"""

import html
import json
import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, quote_plus, unquote

from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client

from tenants.access.people import operator_create, platform_key_issue
from tenants.access.roles import PLATFORM_ROLES, TENANT_ADMIN, TENANT_ROLES
from tenants.context import tenant_context
from tenants.models import Scope, Tenant
from tenants.services import api_key_issue
from tests.isolation.asking import Body
from tests.isolation.world import ACTOR, PASSWORD, Material, username_of

PUBLIC_HOST: Final = "localhost"
STREAM_LIMIT: Final = 32
"""So many parts of a streamed answer are read; an event stream need not end."""

_CURSOR: Final = re.compile(r"cursor=([\w%+-]+)")
_CHANGING: Final = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<id>"),
    (re.compile(r"[0-9a-f]{64}"), "<hash>"),
    (re.compile(r'csrfmiddlewaretoken" value="\w+"'), "<csrf>"),
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)"), "<time>"),
    (re.compile(r'"(took_ms|latency_ms)": ?[\d.]+'), "<took>"),
    (re.compile(r"fb_[a-z0-9-]+_\w+"), "<key>"),
    (re.compile(r'"signature": ?"[\w+/=]+"'), "<signature>"),
    (_CURSOR, "<cursor>"),
)
_IGNORED_HEADERS: Final = frozenset(
    {"X-Request-ID", "Content-Length", "Date", "Expires", "ETag", "Upload-Expires"}
)


@dataclass
class Caller:
    """Who sends requests. `may_see`: the kinds of a tenant's canaries that are no secret to them.

    `knows_tenants`: whether they may know which tenants there are, and what becomes of them.
    `is_strong`: whether no other caller of the tenant may do more; others knock at home only.
    """

    name: str
    client: Client
    may_see: frozenset[str] = frozenset()
    knows_tenants: bool = False
    is_strong: bool = True

    def send(
        self,
        method: str,
        path: str,
        *,
        host: str,
        body: Body = Body(),  # noqa: B008 - frozen
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> "Answer":
        """Send one request and take back whatever it changed, the caller's cookies included."""
        cookies = deepcopy(self.client.cookies)
        try:
            with transaction.atomic():
                response = self.client.generic(
                    method,
                    path,
                    body.data,
                    content_type=body.content_type,
                    headers={"host": host, **body.headers, **(headers or {})},
                    query_params=query or {},
                )
                answer = _answer(response)
                transaction.set_rollback(True)
        finally:
            self.client.cookies = cookies
        return answer


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, headers, and the body as text."""

    status: int
    headers: Mapping[str, str]
    text: str
    cookies: str = ""
    data: bytes = field(default=b"", repr=False)

    @property
    def is_good(self) -> bool:
        """Whether the caller got through: an answer, or a way on that is not to the sign-in."""
        return self.status < 400 and not self.is_sign_in

    @property
    def is_sign_in(self) -> bool:
        """Whether the answer is a way to the sign-in."""
        return self.status in {301, 302} and "login" in self.headers.get("Location", "")

    @property
    def cursors(self) -> list[str]:
        """The cursors that it leads on to."""
        return [unquote(cursor) for cursor in _CURSOR.findall(self.text)]

    @property
    def everything(self) -> str:
        """Headers, cookies and body, in lower case, for looking for canaries."""
        headers = "\n".join(f"{name}: {value}" for name, value in self.headers.items())
        return f"{headers}\n{self.cookies}\n{self.text}".lower()

    def plain(self, sent: Sequence[str]) -> str:
        """Return the answer without what changes from request to request, and what was sent."""
        kept = {n: v for n, v in self.headers.items() if n not in _IGNORED_HEADERS}
        text = f"{self.status}\n{sorted(kept.items())}\n{self.text}"
        text = _without(text, sent)
        for pattern, instead in _CHANGING:
            text = pattern.sub(instead, text)
        return text


def leak_of(
    answer: Answer,
    twin: Answer | None,
    *,
    caller: Caller,
    victim: Material,
    named: tuple[Sequence[str], Sequence[str]] = ((), ()),
    may_see: frozenset[str] = frozenset(),
) -> str:
    """Return what the answer gives away, or an empty text.

    `twin` answers the same request for what exists nowhere; `named` is the text that each of the
    two requests brought, and which an answer may repeat.
    """
    text = _without(answer.everything, [each.lower() for each in named[0]])
    for canary, kind in victim.canaries.items():
        if kind not in caller.may_see | may_see and canary in text:
            return f"{kind} {canary!r} of {victim.slug}"
    if twin is None or caller.knows_tenants:
        return ""
    only = [set(named[0]) - set(named[1]), set(named[1]) - set(named[0])]
    mine, other = answer.plain(sorted(only[0])), twin.plain(sorted(only[1]))
    return "" if mine == other else f"tells that it exists: {_first_difference(mine, other)}"


def callers_of(tenant: Tenant, material: Material) -> list[Caller]:
    """Return everyone who could call in the tenant's name, those who may most first.

    People in every role, keys of every scope and of all, and a token in the place of a key.
    """
    everything = tuple(scope.value for scope in Scope)
    whole_key = _key_holder(tenant, everything)
    sessions = {
        role: _person(tenant, username_of(material.words, role), role) for role in TENANT_ROLES
    }
    admin = sessions.pop(TENANT_ADMIN)
    narrow_keys = [_key_holder(tenant, (scope,)) for scope in everything]
    return [admin, whole_key, _token_holder(whole_key, material), *sessions.values(), *narrow_keys]


def visitor() -> Caller:
    """Return someone who is not signed in."""
    return Caller("visitor", _client())


def platform_callers() -> list[Caller]:
    """Return the platform's own people, in every role, and a key of the platform.

    They may know of tenants, their people, keys and events; of no content.
    """
    callers = []
    for role in PLATFORM_ROLES:
        user = operator_create(username=f"olga-{role}", password=PASSWORD, role=role)
        session = _client()
        session.force_login(user)
        _key, text = platform_key_issue(owner=user, name="caller", actor=ACTOR)
        key = _client({"authorization": f"Bearer {text}"})
        callers += [_of_platform(f"session {role}", session), _of_platform(f"key of {role}", key)]
    return callers


def _of_platform(name: str, client: Client) -> Caller:
    may_see = frozenset({"name", "key", "staff", "id", "hash"})
    return Caller(f"platform {name}", client, may_see, knows_tenants=True)


def _person(tenant: Tenant, username: str, role: str) -> Caller:
    client = _client()
    with tenant_context(tenant):
        client.force_login(User.objects.get(username=username))
    return Caller(f"session {role}", client, is_strong=role == TENANT_ADMIN)


def _key_holder(tenant: Tenant, scopes: Sequence[str]) -> Caller:
    _key, text = api_key_issue(tenant=tenant, name="caller", scopes=scopes, actor=ACTOR)
    client = _client({"authorization": f"Bearer {text}"})
    return Caller(f"key {'+'.join(scopes)}", client, is_strong=len(scopes) > 1)


def _token_holder(holder: Caller, material: Material) -> Caller:
    answer = holder.send("POST", "/api/v1/auth/token", host=material.host, body=Body(b"{}"))
    text = json.loads(answer.text)["access_token"]
    return Caller("token", _client({"authorization": f"Bearer {text}"}))


def _client(headers: Mapping[str, str] | None = None) -> Client:
    return Client(headers=dict(headers or {}), raise_request_exception=False)


def _answer(response: Any) -> Answer:
    data = _streamed(response) if response.streaming else response.content
    return Answer(
        status=response.status_code,
        headers=dict(response.items()),
        text=data.decode("utf-8", errors="replace"),
        cookies=response.cookies.output(header=""),
        data=data,
    )


def _streamed(response: Any) -> bytes:
    parts = []
    for part in response.streaming_content:
        parts.append(part)
        if len(parts) == STREAM_LIMIT:
            break
    return b"".join(parts)


def _without(text: str, sent: Sequence[str]) -> str:
    """Return the text without what was sent, in whatever way an answer may quote it."""
    forms = {form for each in sent if len(each) > 3 for form in (each, *_quoted(each))}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, "<sent>")
    return text


def _quoted(text: str) -> tuple[str, ...]:
    in_address = (quote(text), quote(text, safe=""), quote_plus(text))
    # An address within an address is quoted twice.
    twice = tuple(quote(form, safe=safe) for form in in_address for safe in ("", "/"))
    lower = (form.lower() for form in (*in_address, *twice))
    return (*in_address, *twice, *lower, html.escape(text), json.dumps(text)[1:-1])


def _first_difference(mine: str, other: str) -> str:
    at = next((i for i, (a, b) in enumerate(zip(mine, other, strict=False)) if a != b), 0)
    start = max(0, at - 60)
    return f"{mine[start : at + 80]!r} where nothing is: {other[start : at + 80]!r}"
