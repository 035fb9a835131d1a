"""Two tenants filled with everything that a tenant can have, and what is known of each.

What there is to steal is read from the database's catalogue, not listed here: every id and hash in
every table of a tenant's schema. A table that stays empty fails a test, so a new model has to be
filled here (`FILLERS`) or get its reason in `MAY_BE_EMPTY`.
"""

import io
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final
from uuid import UUID

from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from reportlab.pdfgen.canvas import Canvas

from audit.models import AuditEvent
from frostbyte.kernel.hashing import sha256_hex
from frostbyte.kernel.ids import derived_id
from intake.idempotency import Answer, Claim
from intake.metadata.declaring import metadata_schema_declare
from intake.models import DEFAULT_COLLECTION, Collection
from intake.services import document_receive
from intake.uploads.services import upload_append, upload_create
from processing.batches.settling import batch_settle
from processing.models import Run, RunState
from processing.runner import run_advance
from processing.services import run_start
from search.history import Asked, remember
from search.services import search
from tenants.access.people import staff_create
from tenants.access.roles import TENANT_ADMIN, TENANT_ROLES
from tenants.context import tenant_context
from tenants.models import LifecycleRun, LifecycleStep, Scope, Tenant
from tenants.services import api_key_issue
from tenants.stores import for_tenant
from tests.batches.making import announce, received

PASSWORD: Final = "correct-horse-battery-9"
ACTOR: Final = "filler"

MAY_BE_EMPTY: Final[Mapping[str, str]] = {
    "auth_group_permissions": "what a role may do is in code (tenants.api.permissions)",
    "auth_user_user_permissions": "people have roles, no permissions of their own",
    "account_emailaddress": "django-allauth's; addresses are kept with the person",
    "account_emailconfirmation": "django-allauth's; nothing is confirmed by e-mail",
    "socialaccount_socialaccount": "needs an identity provider; tests/oidc fills it by a real one",
    "socialaccount_socialapp": "django-allauth's; the provider is kept with the tenant's row",
    "socialaccount_socialtoken": "django-allauth's; no token of a provider is kept",
}
PLUMBING: Final = frozenset(
    {"django_migrations", "django_content_type", "auth_permission", "auth_group"}
)
"""Tables that are the same in every tenant: nothing in them is anybody's."""

UPLOADED_BYTES: Final = 10
"""So many bytes of each upload have come."""

_HASH: Final = re.compile(r"[0-9a-f]{64}")
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

# Words that stand nowhere else. Text, not configuration: a leak is found by looking for them.
_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "acme": ("Brontavik", "Kelvistra", "Mardonyx", "Pellagrin", "Sorvenka", "Tuvalenne"),
    "globex": ("Quorvexia", "Zemblathin", "Fyrrholm", "Wexlander", "Obrizque", "Yntagaro"),
}


@dataclass(frozen=True, slots=True)
class Words:
    """A tenant's own words, one for each kind of thing that could leak."""

    name: str
    content: str
    filename: str
    staff: str
    key: str
    question: str


@dataclass(frozen=True, eq=False)
class Material:
    """What is known of a tenant: everything that an attacker could name or should never see.

    `ids`: by `table.column`, every uuid, and every number that is a primary key. `canaries`: text
    that must not reach others, with its kind. `proof` is that of a real answer.
    """

    slug: str
    words: Words
    ids: Mapping[str, tuple[str, ...]]
    canaries: Mapping[str, str]
    proof: Mapping[str, Any]
    key_ids: tuple[str, ...]
    files: Mapping[str, bytes]
    password: str = PASSWORD
    cursors: tuple[str, ...] = field(default=())

    @property
    def host(self) -> str:
        """The host name of its pages."""
        return f"{self.slug}.localhost"

    @cached_property
    def uuids(self) -> tuple[str, ...]:
        """Every id that is a uuid."""
        return tuple(
            value for values in self.ids.values() for value in values if _UUID.fullmatch(value)
        )

    def first(self, column: str) -> str:
        """Return an id of this column, for example `intake_document.id`."""
        return self.ids[column][0]

    def nowhere(self) -> "Material":
        """Return the like with ids, words and files that exist in no tenant."""
        replaced = {value: str(derived_id("nowhere", value)) for value in self.uuids}
        proof = _UUID.sub(lambda m: replaced.get(m[0], m[0]), json.dumps(self.proof))
        return Material(
            slug="nosuchtenant",
            words=Words(**{name: f"Nowhere{name}" for name in Words.__slots__}),
            ids={
                column: tuple(replaced.get(value, f"99{value}") for value in values)
                for column, values in self.ids.items()
            },
            canaries={},
            proof=json.loads(_HASH.sub(lambda m: m[0][::-1], proof)),
            key_ids=tuple(key_id[::-1] for key_id in self.key_ids),
            password="a guess",
            cursors=self.cursors,
            files={f"nowhere-{name}": data[::-1] for name, data in self.files.items()},
        )


def fill(tenant: Tenant) -> Material:
    """Fill a tenant and return what is known of it."""
    words = Words(*_WORDS[tenant.slug])
    tenant.name = f"{words.name} Holding"
    tenant.save(update_fields=["name"])
    files = _files(words)
    for filler in FILLERS:
        filler(tenant, words, files)
    ids, hashes = _harvest(tenant)
    ids["search.asked"] = (_question(tenant, words),)
    proof = _proof(tenant, words)
    return Material(
        slug=tenant.slug,
        words=words,
        ids=ids,
        canaries=_canaries(words, ids, hashes, files),
        proof=proof,
        key_ids=tuple(tenant.api_keys.values_list("key_id", flat=True)),
        files=files,
    )


def apart(own: Material, other: Material) -> Material:
    """Return `other` without the canaries that `own` has as well, such as versions and kinds."""
    strange = {text: kind for text, kind in other.canaries.items() if text not in own.canaries}
    return replace(other, canaries=strange)


def _files(words: Words) -> dict[str, bytes]:
    stem = words.filename.lower()
    text = (
        f"{words.content} report\n\nThe {words.content} pump is looked at every ninety days.\n"
        f"Ask {words.staff.lower()}@example.org about it before noon.\n"
    )
    return {
        f"{stem}.txt": text.encode(),
        f"{stem}.pdf": _pdf(words),
        f"{stem}-refused.pdf": b"",
    }


def _pdf(words: Words) -> bytes:
    target = io.BytesIO()
    canvas: Any = Canvas(target, invariant=1)
    for number in (1, 2):
        canvas.drawString(72, 720, f"{words.content} sheet {number}")
        canvas.drawString(72, 690, f"The {words.content} valve opens at {number} bar.")
        canvas.showPage()
    canvas.save()
    return target.getvalue()


def _hand_in(tenant: Tenant, words: Words, files: Mapping[str, bytes]) -> None:
    """Documents that went all the way, and one that was refused: files, receipts, runs, chunks.

    In an open collection, and once more in a restricted one.
    """
    with tenant_context(tenant):
        group = Group.objects.create(name=f"{words.staff}-readers")
        shelf = Collection.objects.create(name=words.filename.lower(), restricted=True)
        shelf.groups.add(group)
        Collection.objects.create(name=f"{shelf.name}-empty", restricted=True)
    for filename, collection in ((f, c) for f in files for c in (DEFAULT_COLLECTION, shelf.name)):
        with tenant_context(tenant):
            receipt = document_receive(
                tenant=tenant,
                filename=filename,
                stream=io.BytesIO(files[filename]),
                actor=ACTOR,
                collection=collection,
            )
            if receipt.document is None:
                continue
            run = Run.objects.filter(document=receipt.document).first()
            run = run or run_start(tenant=tenant, document=receipt.document)
            done = run_advance(tenant=tenant, run_id=run.pk)
            assert done.state == RunState.PUBLISHED, done.error_message


def _batches(tenant: Tenant, words: Words, files: Mapping[str, bytes]) -> None:
    """Batches that wait for their files, are in the pipeline, and are over with their report."""
    shelf = words.filename.lower()
    for collection in (DEFAULT_COLLECTION, shelf):
        done = received(tenant, files, reference=f"{shelf}-done", collection=collection)
        received(tenant, files, reference=f"{shelf}-under-way", collection=collection)
        announce(tenant, files, reference=f"{shelf}-announced", collection=collection)
        with tenant_context(tenant):
            assert batch_settle(tenant, done.pk)


def _uploads(tenant: Tenant, words: Words, files: Mapping[str, bytes]) -> None:
    """Uploads under way, in an open collection and in a restricted one."""
    for collection in (DEFAULT_COLLECTION, words.filename.lower()):
        with tenant_context(tenant):
            name, data = next(iter(files.items()))
            upload = upload_create(
                tenant=tenant, filename=name, size=len(data), actor=ACTOR, collection=collection
            )
            read = io.BytesIO(data[:UPLOADED_BYTES]).read
            upload_append(tenant=tenant, upload_id=upload.pk, offset=0, read=read)


def _dead_letter(tenant: Tenant, words: Words, files: Mapping[str, bytes]) -> None:
    """A document whose bytes were changed in the store: its run waits for somebody's decision."""
    del files
    with tenant_context(tenant):
        text = f"The {words.content} gauge is broken.\n".encode()
        receipt = document_receive(
            tenant=tenant,
            filename=f"{words.filename.lower()}-broken.txt",
            stream=io.BytesIO(text),
            actor=ACTOR,
        )
        assert receipt.document is not None
        for_tenant(tenant).objects.put(receipt.document.raw_key, text[:-1] + b"?")
        run = Run.objects.filter(document=receipt.document).first()
        run = run or run_start(tenant=tenant, document=receipt.document)
        assert run_advance(tenant=tenant, run_id=run.pk).is_dead_letter


def _people(tenant: Tenant, words: Words, files: Mapping[str, bytes]) -> None:
    """Staff of every role, each signed in: people, groups, sessions."""
    del files
    for role in TENANT_ROLES:
        username = username_of(words, role)
        user = staff_create(tenant=tenant, username=username, password=PASSWORD, role=role)
        with tenant_context(tenant):
            Client(headers={"host": f"{tenant.slug}.localhost"}).force_login(user)


def _keys(tenant: Tenant, words: Words, files: Mapping[str, bytes]) -> None:
    """A key."""
    del files
    api_key_issue(tenant=tenant, name=f"{words.key} key", scopes=[Scope.QUERY], actor=ACTOR)


def _metadata(tenant: Tenant, words: Words, files: Mapping[str, bytes]) -> None:
    """Schemas for documents' own metadata."""
    del files
    with tenant_context(tenant):
        schema = {"title": f"{words.filename} metadata"}
        metadata_schema_declare(tenant=tenant, schemas={"document": schema}, actor=ACTOR)


def _idempotency(tenant: Tenant, words: Words, files: Mapping[str, bytes]) -> None:
    """A request under a key, with its answer."""
    del files
    with tenant_context(tenant):
        claim = Claim(key=f"{words.key}-request", principal=f"user:{words.staff}", endpoint="POST")
        assert claim.take(sha256_hex(words.content.encode())) is None
        claim.keep(Answer(200, words.content.encode(), "text/plain"))


FILLERS: Final[tuple[Callable[[Tenant, Words, Mapping[str, bytes]], None], ...]] = (
    _hand_in,
    _dead_letter,
    _batches,
    _uploads,
    _idempotency,
    _people,
    _keys,
    _metadata,
)
"""What fills a tenant, in order. Something new that a tenant can have is made here."""


def tables_of(schema: str) -> list[str]:
    """Return the tables of a schema."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(%s)"
            " AND relkind IN ('r', 'p') ORDER BY relname",
            [schema],
        )
        return [row[0] for row in cursor.fetchall()]


def _harvest(tenant: Tenant) -> tuple[dict[str, tuple[str, ...]], set[str]]:
    """Return the ids by `table.column`, and every SHA-256 that stands in a column of its own."""
    ids: dict[str, tuple[str, ...]] = {}
    hashes: set[str] = set()
    with tenant_context(tenant):
        for table in tables_of(tenant.schema_name):
            if table not in PLUMBING:
                _harvest_table(table, ids, hashes)
    shared = (
        AuditEvent.objects.filter(tenant=tenant.slug),
        LifecycleRun.objects.filter(tenant=tenant),
        LifecycleStep.objects.filter(run__tenant=tenant),
    )
    for rows in shared:
        found = tuple(map(str, rows.values_list("pk", flat=True)))
        ids[f"{rows.model._meta.db_table}.{rows.model._meta.pk.name}"] = found
    return ids, hashes


def _harvest_table(table: str, ids: dict[str, tuple[str, ...]], hashes: set[str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table} LIMIT 200")
        names = [column.name for column in cursor.description or ()]
        rows = cursor.fetchall()
    for at, name in enumerate(names):
        values = [row[at] for row in rows if row[at] is not None]
        is_number = name == "id" and all(isinstance(value, int) for value in values)
        if values and (is_number or all(isinstance(value, UUID) for value in values)):
            ids[f"{table}.{name}"] = tuple(dict.fromkeys(map(str, values)))
        texts = (value for value in values if isinstance(value, str))
        hashes.update(text for text in texts if _HASH.fullmatch(text))


def _canaries(
    words: Words, ids: Mapping[str, tuple[str, ...]], hashes: set[str], files: Mapping[str, bytes]
) -> dict[str, str]:
    found = {word.lower(): kind for kind, word in _kinds(words).items()}
    found |= {name.lower(): "filename" for name in files}
    found |= {value: "id" for values in ids.values() for value in values if _UUID.fullmatch(value)}
    found |= dict.fromkeys(hashes, "hash")
    return found


def _kinds(words: Words) -> dict[str, str]:
    return {name: getattr(words, name) for name in Words.__slots__}


def _proof(tenant: Tenant, words: Words) -> dict[str, Any]:
    with tenant_context(tenant):
        question = f"{words.question} {words.content} valve"
        hit = search(tenant=tenant, query_text=question, actor=ACTOR).hits[0]
    fields = hit.proof.__dataclass_fields__
    return {name: _as_json(getattr(hit.proof, name)) for name in fields}


def _question(tenant: Tenant, words: Words) -> str:
    """Return the name of the answer page of a question that the tenant's administrator asked."""
    with tenant_context(tenant):
        user = User.objects.get(username=username_of(words, TENANT_ADMIN))
        return str(remember(Asked(f"{words.question} valve", 3), user_id=user.pk))


def username_of(words: Words, role: str) -> str:
    """Return the user name of the tenant's person of this role."""
    return f"{words.staff}-{role}"


def _as_json(value: Any) -> Any:
    if isinstance(value, tuple):
        return [str(each) for each in value]
    return str(value) if isinstance(value, UUID) else value


def state_of(tenant: Tenant) -> tuple[Any, ...]:
    """Return what changes when anything of a tenant is written: counts of writes, and the registry.

    The counts are PostgreSQL's own, of this transaction, whatever was rolled back since.
    """
    with connection.cursor() as cursor:
        cursor.execute(_STATE, [tenant.schema_name, tenant.pk, tenant.pk, tenant.slug])
        return tuple(cursor.fetchone())


_STATE: Final = """
SELECT
    (SELECT sum(pg_stat_get_xact_tuples_inserted(oid) + pg_stat_get_xact_tuples_updated(oid)
                + pg_stat_get_xact_tuples_deleted(oid))
     FROM pg_class WHERE relnamespace = to_regnamespace(%s) AND relkind = 'r'),
    (SELECT md5(t::text) FROM public.tenants_tenant t WHERE id = %s),
    (SELECT md5(string_agg(k::text, ',' ORDER BY k.id)) FROM public.tenants_apikey k
     WHERE tenant_id = %s),
    (SELECT count(*) FROM audit.audit_auditevent WHERE tenant = %s)
"""


def count_rows(tenant: Tenant) -> dict[str, int]:
    """Return the number of rows by table."""
    counts = {}
    with tenant_context(tenant), connection.cursor() as cursor:
        for table in tables_of(tenant.schema_name):
            cursor.execute(f"SELECT count(*) FROM {table}")
            counts[table] = cursor.fetchone()[0]
    return counts
