"""Custom metadata: schemas that are safe to run, documents that fit, and what is told if not."""

import io
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.models import AuditEvent
from intake.errors import MetadataInvalidError, MetadataSchemaError, PreconditionFailedError
from intake.metadata.checking import metadata_check, metadata_fits
from intake.metadata.declaring import metadata_schema_declare, metadata_schema_patch
from intake.metadata.merging import merge_patch
from intake.metadata.schemas import schema_check
from intake.models import Collection, Document, MetadataSchema, Outcome, Receipt
from intake.services import document_receive
from tenants.access.readers import reader_of
from tenants.context import reading, tenant_context
from tenants.models import Tenant

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "department": {"type": "string", "maxLength": 10},
        "year": {"type": "integer", "minimum": 2000},
        "signed": {"type": "string", "format": "date"},
        "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}, "uniqueItems": True},
    },
    "$defs": {"tag": {"type": "string", "pattern": "^[a-z]+$"}},
    "required": ["department"],
    "additionalProperties": False,
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=12,
)


def hand_in(
    tenant: Tenant, name: str, metadata: dict[str, Any] | None = None, **more: Any
) -> Receipt:
    with tenant_context(tenant):
        return document_receive(
            tenant=tenant,
            filename=name,
            stream=io.BytesIO(f"the words of {name}\n".encode()),
            actor="t",
            metadata=metadata,
            **more,
        )


def declare(tenant: Tenant, document: Any, **more: Any) -> Any:
    with tenant_context(tenant):
        return metadata_schema_declare(
            tenant=tenant, schemas={"document": document, **more}, actor="t"
        )


def breaches(metadata: Any, schema: Any = SCHEMA) -> set[tuple[str, str]]:
    with pytest.raises(MetadataInvalidError) as raised:
        metadata_check(metadata, schema=schema)
    return {(error["field"], error["constraint"]) for error in raised.value.extra["errors"]}


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        ({}, {("/metadata", "required: department")}),
        ({"department": 7}, {("/metadata/department", 'type: "string"')}),
        ({"department": "x" * 11}, {("/metadata/department", "maxLength: 10")}),
        (
            {"department": "a", "year": 1999, "tags": ["ok", "NO"]},
            {("/metadata/year", "minimum: 2000"), ("/metadata/tags/1", 'pattern: "^[a-z]+$"')},
        ),
        ({"department": "a", "tags": ["x", "x"]}, {("/metadata/tags", "uniqueItems: true")}),
        ({"department": "a", "signed": "soon"}, {("/metadata/signed", 'format: "date"')}),
        (
            {"department": "a", "Jane Doe": 1},
            {("/metadata", "no other members than: department, year, signed, tags")},
        ),
    ],
)
def test_each_place_that_does_not_fit_is_told_and_no_value(
    metadata: Any, told: set[tuple[str, str]]
) -> None:
    assert breaches(metadata) == told


def test_what_fits_is_taken() -> None:
    metadata_check(
        {"department": "sales", "year": 2020, "signed": "2024-02-29", "tags": ["a", "b"]},
        schema=SCHEMA,
    )


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        ([], "object"),
        ({"a": "x" * 17_000}, "limit is 16384"),
        ({"a": [[[[[[[[[1]]]]]]]]]}, "8 deep"),
        ({"a": list(range(1001))}, "1000 values"),
        ({"a": float("nan")}, "JSON does not know"),
        ({"a": "\x00"}, "null character"),
        ({"a": "\ud800"}, "no Unicode"),
    ],
)
def test_metadata_has_limits_without_any_schema(metadata: Any, told: str) -> None:
    assert any(told in constraint for _field, constraint in breaches(metadata, None))


def loop(*names: str) -> dict[str, Any]:
    pairs = zip(names, (*names[1:], names[0]), strict=True)
    return {"$defs": {name: {"allOf": [{"$ref": f"#/$defs/{to}"}]} for name, to in pairs}}


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        ("no schema", "/document"),
        ({"type": "text"}, "/document/type"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "/document/$schema"),
        ({"$ref": "https://example.org/schema.json"}, "/document/$ref"),
        ({"properties": {"a": {"$ref": "file:///etc/passwd"}}}, "/document/properties/a/$ref"),
        ({"$ref": "#"}, "/document/$ref"),
        ({"$ref": "#/$defs/absent"}, "/document/$ref"),
        ({"$ref": "#/$defs/a~1b", "$defs": {"a~1b": {}}}, "/document/$ref"),
        ({"$ref": "#/$defs/a%25b", "$defs": {"a%25b": {}}}, "/document/$ref"),
        ({"$id": "https://example.org/a"}, "/document/$id"),
        ({"items": {"$dynamicRef": "#a"}}, "/document/items/$dynamicRef"),
        ({"patternProperties": {"(a+)+$": {}}}, "/document/patternProperties"),
        ({"unevaluatedProperties": False}, "/document/unevaluatedProperties"),
        ({"pattern": "(?=a)b"}, "/document/pattern"),
        ({"pattern": r"(a)\1"}, "/document/pattern"),
        ({"pattern": "a" * 501}, "/document/pattern"),
        ({"pattern": "("}, "/document/pattern"),
        (loop("a"), "/document/$defs/a"),
        (loop("a", "b", "c"), "/document/$defs/b"),
        ({"description": "x" * 70_000}, "/document"),
        ({"enum": list(range(6000))}, "/document"),
    ],
)
def test_a_schema_that_is_not_safe_to_run_is_refused(schema: Any, place: str) -> None:
    with pytest.raises(MetadataSchemaError) as raised:
        schema_check(schema, of="document")
    assert place in {error["field"] for error in raised.value.extra["errors"]}
    assert raised.value.remediation


def test_names_of_members_are_no_keywords() -> None:
    names = ["$id", "patternProperties", "$ref", "pattern"]
    schema = {"properties": {name: {"type": "integer"} for name in names}}
    schema_check(schema, of="document")
    assert metadata_fits({"$ref": 1, "pattern": 2}, schema=schema)
    assert not metadata_fits({"$id": "x"}, schema=schema)


def test_a_pattern_that_hangs_other_engines_ends() -> None:
    schema = {"properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}}
    schema_check(schema, of="document")
    assert not metadata_fits({"a": "a" * 10_000 + "!"}, schema=schema)


def wide(levels: int) -> dict[str, Any]:
    """A small schema that is tried 4 to the power of `levels` times."""
    leads = {
        f"d{level}": {"allOf": [{"$ref": f"#/$defs/d{level + 1}"}] * 4} for level in range(levels)
    }
    return {"$ref": "#/$defs/d0", "$defs": {**leads, f"d{levels}": {"type": "object"}}}


def long(links: int) -> dict[str, Any]:
    """A schema whose definitions lead to each other in a long chain."""
    chain = {f"d{link}": {"$ref": f"#/$defs/d{link + 1}"} for link in range(links)}
    return {"$ref": "#/$defs/d0", "$defs": {**chain, f"d{links}": {}}}


@pytest.mark.parametrize("schema", [wide(20), long(1200)], ids=["wide", "long"])
def test_a_schema_that_takes_too_much_work_refuses_and_does_not_hang(schema: Any) -> None:
    schema_check(schema, of="document")
    assert breaches({"a": 1}, schema) == {
        ("/metadata", "Checking it takes too much work: make it smaller.")
    }
    assert metadata_fits({"a": 1}, schema=wide(3))


def doubled(leaf: Any, levels: int) -> dict[str, Any]:
    """A small schema that tries `leaf` 2 to the power of `levels` times."""
    leads = {
        f"d{level}": {"allOf": [{"$ref": f"#/$defs/d{level + 1}"}] * 2} for level in range(levels)
    }
    return {"$ref": "#/$defs/d0", "$defs": {**leads, f"d{levels}": leaf}}


MANY = {f"k{number}": 1 for number in range(900)}


@pytest.mark.parametrize(
    ("leaf", "metadata"),
    [
        ({"propertyNames": {}}, MANY),
        ({"additionalProperties": {}}, MANY),
        ({"properties": {"a": {"items": {}}}}, {"a": [1] * 900}),
        ({"properties": {"a": {"const": {"x": [1] * 900}}}}, {"a": {"x": [1.0] * 900}}),
        ({"properties": {"a": {"uniqueItems": True}}}, {"a": [[[1.0] * 900]]}),
        ({"properties": {"a": {"pattern": "b$"}}}, {"a": "b" * 16_000}),
        ({"anyOf": [{"type": "string"}, True]}, MANY),
        ({"anyOf": [*[False] * 100, True]}, {"a": "b" * 16_000}),
    ],
    ids=lambda value: next(iter(value)),
)
def test_what_a_keyword_looks_at_is_work_too(leaf: Any, metadata: dict[str, Any]) -> None:
    once, often = doubled(leaf, 1), doubled(leaf, 10)
    for schema in (once, often):
        schema_check(schema, of="document")
    assert metadata_fits(metadata, schema=once)
    assert breaches(metadata, often) == {
        ("/metadata", "Checking it takes too much work: make it smaller.")
    }


@pytest.mark.parametrize(
    ("number", "of", "fits"),
    [
        (10**400, 0.5, True),
        (10**400 + 1, 2.5, False),
        (10**400, 3, False),
        (1e300, 1e-320, False),
        (7.5, 2.5, True),
    ],
)
def test_multiples_of_numbers_beyond_every_float(number: float, of: float, fits: bool) -> None:
    schema = {"properties": {"n": {"multipleOf": of}}}
    schema_check(schema, of="document")
    assert metadata_fits({"n": number}, schema=schema) == fits


@pytest.mark.parametrize(
    ("name", "text", "fits"),
    [
        ("date", "2024-02-29", True),
        ("date", "2023-02-29", False),
        ("date", "20240101", False),
        ("date", "2024-W01-1", False),
        ("date-time", "2024-01-01T00:00:00Z", True),
        ("date-time", "2024-01-01t00:00:00.123456789+02:00", True),
        ("date-time", "2024-01-01T00:00:00", False),
        ("date-time", "2024-W01-1T00Z", False),
        ("date-time", "2024-01-01 00:00:00Z", False),
        ("date-time", "2024-01-01T25:00:00Z", False),
    ],
)
def test_dates_and_times_are_those_of_rfc_3339(name: str, text: str, fits: bool) -> None:
    assert metadata_fits({"at": text}, schema={"properties": {"at": {"format": name}}}) == fits


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(items=st.lists(json_values, max_size=6))
def test_items_are_unique_as_json_schema_says(items: list[Any]) -> None:
    def same(one: Any, other: Any) -> bool:
        if isinstance(one, bool) != isinstance(other, bool):
            return False
        if isinstance(one, list) and isinstance(other, list):
            return len(one) == len(other) and all(map(same, one, other))
        if isinstance(one, dict) and isinstance(other, dict):
            return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
        return bool(one == other)

    unique = not any(same(a, b) for at, a in enumerate(items) for b in items[:at])
    schema = {"properties": {"a": {"uniqueItems": True}}}
    assert metadata_fits({"a": items}, schema=schema) == unique


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch_by_the_examples_of_its_standard(target: Any, patch: Any, result: Any) -> None:
    assert merge_patch(target, patch) == result


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(target=json_values, patch=json_values)
def test_merging_twice_is_merging_once_and_leaves_its_input(target: Any, patch: Any) -> None:
    before = repr((target, patch))
    once = merge_patch(target, patch)
    assert merge_patch(once, patch) == once
    assert repr((target, patch)) == before
    assert merge_patch(target, {}) == (target if isinstance(target, dict) else {})


def test_a_document_that_does_not_fit_leaves_a_receipt_with_the_places(
    acme: Tenant, globex: Tenant
) -> None:
    declare(acme, SCHEMA)
    refused = hand_in(acme, "a.txt", {"department": "sales", "year": 1})
    assert (refused.outcome, refused.code) == (Outcome.REJECTED, "METADATA_INVALID")
    assert refused.details["errors"] == [
        {"field": "/metadata/year", "value": None, "constraint": "minimum: 2000"}
    ]
    assert hand_in(acme, "b.txt").code == "METADATA_INVALID"
    taken = hand_in(acme, "c.txt", {"department": "sales"})
    assert taken.document is not None
    assert taken.document.metadata == {"department": "sales"}
    assert taken.document.metadata_schema_version == 1
    with tenant_context(acme):
        assert Document.objects.count() == 1
    other = hand_in(globex, "a.txt", {"year": 1})
    assert other.document is not None
    assert (other.document.metadata, other.document.metadata_schema_version) == ({"year": 1}, 0)


def test_versions_are_added_counted_against_what_is_here_and_recorded(
    acme: Tenant, globex: Tenant
) -> None:
    for number in range(3):
        hand_in(acme, f"{number}.txt", {"department": "sales"} if number else {"kind": "old"})
    first = declare(acme, SCHEMA, chunk={"type": "object"})
    assert (first.schema.version, first.would_not_fit, first.checked, first.documents) == (
        1, 1, 3, 3,
    )  # fmt: skip
    assert declare(acme, SCHEMA, chunk={"type": "object"}).schema.version == 1
    with tenant_context(acme):
        patched = metadata_schema_patch(
            tenant=acme,
            patch={"document": {"required": None, "additionalProperties": None}, "chunk": None},
            actor="t",
            expected_version=1,
        )
        assert (patched.schema.version, patched.would_not_fit) == (2, 0)
        assert patched.schema.chunk is None
        assert patched.schema.document is not None
        assert "required" not in patched.schema.document
        with pytest.raises(PreconditionFailedError):
            metadata_schema_patch(tenant=acme, patch={}, actor="t", expected_version=1)
        assert [each.version for each in MetadataSchema.objects.all()] == [2, 1]
        assert Document.objects.count() == 3
    events = AuditEvent.objects.filter(tenant="acme", event_type="SCHEMA_CHANGED")
    assert [set(event.details) for event in events] == [{"component", "version", "sha256"}] * 2
    with tenant_context(globex):
        assert not MetadataSchema.objects.exists()


def test_what_the_caller_does_not_read_is_not_counted(acme: Tenant, globex: Tenant) -> None:
    schema = {"properties": {"code": {"const": "heron"}}}
    for tenant in (acme, globex):
        hand_in(tenant, "open.txt", {"code": "wren"})
        with tenant_context(tenant):
            Collection.objects.create(name="board", restricted=True)
            hand_in(tenant, "shut.txt", {"code": "heron"}, collection="board")
            with reading(reader_of([])):
                told = declare(tenant, schema)
        assert (told.would_not_fit, told.checked, told.documents) == (1, 1, 1)


def test_documents_are_held_against_a_schema_for_so_long_only(
    acme: Tenant, globex: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Alike metadata are checked once; those of most documents first.
    for name in ("a.txt", "b.txt"):
        hand_in(acme, name, {"kind": "many"})
    hand_in(acme, "c.txt", {"kind": "one"})
    hand_in(globex, "a.txt", {"kind": "many"})
    never: dict[str, Any] = {"not": {}}
    assert declare(acme, never).checked == 3
    monkeypatch.setattr("intake.metadata.declaring._WORK", 1)
    told = declare(acme, never)
    assert (told.would_not_fit, told.checked, told.documents) == (2, 2, 3)


def test_a_schema_that_is_refused_leaves_the_one_in_force(acme: Tenant, globex: Tenant) -> None:
    declare(acme, SCHEMA)
    with tenant_context(acme):
        wrong: list[dict[str, Any]] = [{"document": {"type": "nonsense"}}, {"pages": {}}]
        for patch in wrong:
            with pytest.raises(MetadataSchemaError):
                metadata_schema_patch(tenant=acme, patch=patch, actor="t")
        assert MetadataSchema.objects.get().version == 1
    declare(globex, None)
    with tenant_context(globex):
        assert not MetadataSchema.objects.exists()
