"""What is sent: values for every parameter, query name and body, made of what is known of a tenant.

A parameter, query name or form field that has no entry in `VALUES` fails a test, and so does an
endpoint that its own tenant's callers do not get through to (`UNREACHED` has the reasons why not).
"""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Final

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from django.utils.http import urlsafe_base64_encode

from audit.events import EventType
from frostbyte.kernel.bodies import STREAMED_TYPE
from frostbyte.kernel.hashing import sha256_hex
from tenants.access.roles import TENANT_ADMIN, TENANT_USER
from tests.batches import requests as batches
from tests.isolation.surfaces import Endpoint
from tests.isolation.world import UPLOADED_BYTES, Material, username_of


@dataclass(frozen=True, slots=True)
class Body:
    """A request's body and own headers, and the text in them that an answer may repeat."""

    data: bytes = b""
    content_type: str = "application/json"
    sent: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


Values = Callable[[Material], tuple[str, ...]]

VALUES: Final[Mapping[str, Values]] = {
    "batch_id": lambda m: (f"{m.words.filename.lower()}-done",),
    "active": lambda _m: ("yes",),
    "chain": lambda m: (m.slug,),
    "chunk": lambda m: m.ids["processing_chunk.id"],
    "collection": lambda m: (m.words.filename.lower(), f"{m.words.filename.lower()}-empty"),
    "content_type_id": lambda _m: ("1",),
    "cursor": lambda m: m.cursors,
    "decision": lambda _m: ("skip",),
    "event_type": lambda _m: (EventType.DOCUMENT_INGESTED.value,),
    "file": lambda m: tuple(m.files),
    "files": lambda m: tuple(m.files),
    "format": lambda _m: ("json",),
    "group": lambda m: (f"{m.words.staff}-readers",),
    "id": lambda m: m.ids["intake_document.id"],
    "key_id": lambda m: m.key_ids,
    "lang": lambda _m: ("en",),
    "member": lambda _m: ("no",),
    "metadata": lambda _m: ("{}",),
    "next": lambda m: (f"/documents/{_document(m)}/",),
    "object_id": lambda m: (_document(m),),
    "page": lambda _m: ("1", "2"),
    "page_size": lambda _m: ("1",),
    "proof": lambda m: (json.dumps(m.proof),),
    "q": lambda m: (m.slug, m.words.name),
    "reason": lambda _m: ("duplicate",),
    "run": lambda m: m.ids["processing_run.id"],
    "resource_id": lambda m: (_document(m), m.slug),
    "search": lambda m: (m.slug, m.words.name),
    "slug": lambda m: (m.slug,),
    "state": lambda _m: ("ACTIVE",),
    "token": lambda _m: ("abcdef-0123456789abcdef0123456789abcdef",),
    "type": lambda _m: (EventType.DOCUMENT_INGESTED.value,),
    "uidb64": lambda m: (urlsafe_base64_encode(m.ids["auth_user.id"][0].encode()),),
    "url": lambda m: (f"tenants/tenant/{m.slug}/change/", f"intake/document/{_document(m)}/"),
    "username": lambda m: (username_of(m.words, TENANT_USER),),
}
"""By the name of a parameter of an address, of a query or of a form: what to send of a tenant.

A parameter that is a uuid needs no entry: uuids of every kind that the tenant has are tried.
"""

_NEW_PASSWORD: Final = dict.fromkeys(("new_password1", "new_password2"), "a-wholly-new-one-4711")

_TUS: Final = {"Tus-Resumable": "1.0.0"}

BODIES: Final[Mapping[str, Callable[[Material], Body]]] = {
    "POST api:uploads": lambda m: _upload_begun(m, size=100),
    "PATCH api:upload": lambda _m: Body(
        b"x", STREAMED_TYPE, headers={**_TUS, "Upload-Offset": str(UPLOADED_BYTES)}
    ),
    "DELETE api:upload": lambda _m: Body(headers=_TUS),
    "POST api:documents": lambda m: _upload(m, "file"),
    "POST api:batches": lambda m: _batch(m),  # noqa: PLW0108 - defined below
    "POST api:dead-letter-retry": lambda _m: _json(),
    "POST api:dead-letter-skip": lambda _m: _json(),
    "POST api:dead-letter-abandon": lambda _m: _json(),
    "POST api:query": lambda m: _json(
        query_text="which valve opens", filters={"document_ids": list(m.ids["intake_document.id"])}
    ),
    "POST api:proof-verify": lambda m: _json(**m.proof),
    "POST upload": lambda m: _upload(m, "files"),
    "POST search": lambda m: _form(query_text=f"{m.words.content} valve", top_k="5"),
    "PATCH api:document": lambda _m: _json(collection="default"),
    "POST document_move": lambda _m: _form(collection="default"),
    "POST api:collections": lambda _m: _json(name="a-new-one"),
    "PATCH api:collection": lambda _m: _json(description="another"),
    "POST collection_new": lambda _m: _form(name="a-new-one", description=""),
    "POST collection": lambda _m: _form(description="another"),
    "POST api:groups": lambda _m: _json(name="a-new-one"),
    "POST groups": lambda _m: _form(name="a-new-one"),
    "POST group_member": lambda m: _form(username=username_of(m.words, TENANT_USER), member="yes"),
    "POST verify": lambda m: _form(proof=json.dumps(m.proof)),
    "POST login": lambda m: _form(username=username_of(m.words, TENANT_ADMIN), password=m.password),
    "POST password": lambda m: _form(old_password=m.password, **_NEW_PASSWORD),
    "POST console:password_change": lambda m: _form(old_password=m.password, **_NEW_PASSWORD),
    "POST console:login": lambda m: _form(
        username="olga-operator", password=m.password, next="/console/"
    ),
    "PATCH api:tenant": lambda _m: _json(name="Another name"),
    "POST api:tenant-keys": lambda _m: _json(name="new", scopes=["query"]),
    "PATCH api:tenant-quotas": lambda _m: _json(document_quota=1000),
    **dict.fromkeys(
        ("PUT api:metadata-schema", "PATCH api:metadata-schema"),
        lambda m: _json(document=_schema(m)),
    ),
    "POST api:token": lambda _m: _json(scopes=["query"]),
    "POST person_new": lambda _m: _form(username="somebody-new", role=TENANT_USER, email=""),
    "POST person_role": lambda _m: _form(role=TENANT_USER),
    "POST person_active": lambda _m: _form(active="yes"),
    "POST console:key_new": lambda _m: _form(name="new", scopes=["query"], expires_on=""),
}
"""By method and name of an endpoint: a body that works when the tenant's own callers send it."""

UNREACHED: Final[Mapping[str, str]] = {
    "POST api:tenants": "makes a tenant, with stores; tests/tenants does that",
    "POST api:tenant-resume": "the tenant is active; resuming is tried in tests/tenants",
    "POST api:tenant-retry": "the tenant is active; tests/tenants retries one that is not",
    "POST api:tenant-deprovision": "removes a tenant, with stores; tests/tenants does that",
    **dict.fromkeys(
        ("GET console:code", "POST console:code"),
        "the second step of a sign-in, for whoever took the first; tests/pages goes through it",
    ),
    "GET logout": "leads to the sign-in, by POST only",
    "POST sign_out_everywhere": "leads to the sign-in, whoever asks",
    "GET oidc_login": "the tenant has no identity provider; tests/oidc tries it with one",
    "GET oidc_callback": "the tenant has no identity provider; tests/oidc tries it with one",
    **dict.fromkeys(
        ("GET console:autocomplete", "POST console:autocomplete"),
        "Django's own; no model is registered, so it refuses all",
    ),
    **dict.fromkeys(
        ("GET console:view_on_site", "POST console:view_on_site"),
        "Django's own; no model has an address, so it refuses all",
    ),
    **dict.fromkeys(
        ("GET console:{url}", "POST console:{url}"),
        "Django's own; answers 404 to every address that is not another's",
    ),
}
"""By method and name of an endpoint: why its own tenant's callers do not get a good answer."""


def key_of(endpoint: Endpoint, method: str) -> str:
    """Return how the tables above name an endpoint and a method."""
    return f"{method} {endpoint.name or endpoint.route.replace('console/', 'console:')}"


def body_of(endpoint: Endpoint, method: str, material: Material) -> Body:
    """Return the body to send: that of `BODIES`, or one of every field that is known."""
    if method in {"GET", "HEAD", "OPTIONS"}:
        return Body()
    made = BODIES.get(key_of(endpoint, method))
    if made is not None:
        return made(material)
    fields = {name: values(material)[:1] for name, values in VALUES.items()}
    first = {name: values[0] for name, values in fields.items() if values}
    return _json(**first) if endpoint.is_api else _form(**first)


def assignments(endpoint: Endpoint, material: Material) -> Iterator[dict[str, str]]:
    """Yield values for the address's parameters; for other kinds than uuids those of `VALUES`.

    For a uuid all of the column that it is named after, and some of every other that has uuids.
    """
    names = list(endpoint.parameters)
    choices = [_choices(name, endpoint.parameters[name], material) for name in names]
    for values in product(*choices):
        yield dict(zip(names, values, strict=True))


_OF_EACH: Final = 3
"""So many ids of each column are tried: there is little to choose between them."""


def _choices(name: str, kind: str, material: Material) -> tuple[str, ...]:
    if kind != "uuid":
        return VALUES[name](material)
    known, columns = set(material.uuids), material.ids.values()
    own = [
        value
        for column, values in material.ids.items()
        if column.endswith(f"_{name.removesuffix('_id')}.id")
        for value in values
    ]
    some = [values[at] for at in range(_OF_EACH) for values in columns if at < len(values)]
    return tuple(dict.fromkeys(value for value in (*own, *some) if value in known))


def nowhere_like(
    values: Mapping[str, str], material: Material, nowhere: Material
) -> dict[str, str]:
    """Return the like of `values`, which are `material`'s, with what exists in no tenant."""
    twins = dict(zip(material.uuids, nowhere.uuids, strict=True))
    for made in VALUES.values():
        twins |= dict(zip(made(material), made(nowhere), strict=False))
    return {name: twins.get(value, value) for name, value in values.items()}


def _document(material: Material) -> str:
    return material.first("intake_document.id")


def _json(**fields: Any) -> Body:
    return Body(json.dumps(fields).encode(), sent=tuple(_texts(fields)))


def _form(**fields: Any) -> Body:
    data = encode_multipart(BOUNDARY, fields)
    return Body(data, MULTIPART_CONTENT, tuple(_texts(fields)))


def _batch(material: Material) -> Body:
    """A batch of a file with the tenant's own name and bytes; receipts may tell both again."""
    name, data = next(iter(material.files.items()))
    sent = (name, sha256_hex(data), material.words.filename.lower())
    body = batches.body_of(batches.parts_of({name: data}, batch_id=material.words.filename.lower()))
    return Body(body, batches.MULTIPART, sent)


def _upload(material: Material, field: str) -> Body:
    """A file with the tenant's own name and bytes; its receipt may tell both again."""
    name, data = next(iter(material.files.items()))
    sent = (name, sha256_hex(data))
    body = encode_multipart(BOUNDARY, {field: SimpleUploadedFile(name, data)})
    return Body(body, MULTIPART_CONTENT, sent)


def _upload_begun(material: Material, *, size: int) -> Body:
    """Headers that begin an upload under the tenant's own file name."""
    name = next(iter(material.files))
    said = f"filename {b64encode(name.encode()).decode()}"
    headers = {**_TUS, "Upload-Length": str(size), "Upload-Metadata": said}
    return Body(content_type="", sent=(name, said), headers=headers)


def _schema(material: Material) -> dict[str, Any]:
    """A schema that documents with this metadata, and no others, would not fit."""
    names = {"project": {"const": material.words.filename}}
    return {"not": {"properties": names, "required": ["project"]}}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
    else:
        yield str(value)
