"""The two stores behind their door: what each promises, and that tenants do not meet there."""

from io import BytesIO
from uuid import UUID

import numpy as np
import pytest
from numpy.typing import NDArray

from frostbyte.kernel.errors import NotFoundError, ServiceUnavailableError
from frostbyte.kernel.ids import new_id
from intake.models import Document
from tenants.context import tenant_context
from tenants.models import Tenant
from tenants.stores import Point, for_tenant

MODEL = "a-model"


def unit(*values: float) -> NDArray[np.float32]:
    vector = np.zeros(384, dtype=np.float32)
    vector[: len(values)] = values
    return vector / np.linalg.norm(vector)


def put_points(
    tenant: Tenant, document: UUID, run: UUID, *vectors: NDArray[np.float32]
) -> list[Point]:
    points = [Point(new_id(), document, run, vector) for vector in vectors]
    for_tenant(tenant).vectors.upsert(points, model_id=MODEL)
    return points


def test_objects_come_back_as_they_went_in(acme: Tenant, globex: Tenant) -> None:
    objects = for_tenant(acme).objects
    objects.put("raw/ä b/1", b"\x00one", content_type="text/plain")
    objects.put("raw/ä b/2", BytesIO(b"two" * 3_000_000))
    try:
        assert objects.get("raw/ä b/1") == b"\x00one"
        assert objects.head("raw/ä b/2").size == 9_000_000
        with objects.open("raw/ä b/2") as stream:
            assert stream.read(6) == b"twotwo"
            stream.seek(0)
            assert stream.read(3) == b"two"
        assert sorted(objects.list("raw/ä b/")) == ["raw/ä b/1", "raw/ä b/2"]
        with pytest.raises(NotFoundError):
            for_tenant(globex).objects.get("raw/ä b/1")
        assert list(for_tenant(globex).objects.list("raw/ä b/")) == []
    finally:
        objects.delete("raw/ä b/1")
        objects.delete("raw/ä b/2")
    with pytest.raises(NotFoundError):
        objects.head("raw/ä b/1")
    objects.delete("raw/ä b/1")


def test_a_store_that_is_away_is_a_retryable_error(
    acme: Tenant, globex: Tenant, settings: object
) -> None:
    settings.S3_ENDPOINT_URL = "http://127.0.0.1:9"  # type: ignore[attr-defined]
    for tenant in (acme, globex):
        with pytest.raises(ServiceUnavailableError) as caught:
            for_tenant(tenant).objects.get("raw/x")
        assert caught.value.retryable


def test_points_are_found_only_once_published_and_nearest_first(
    acme: Tenant, globex: Tenant
) -> None:
    document, run = new_id(), new_id()
    with tenant_context(acme):
        vectors = for_tenant(acme).vectors
        near, far = put_points(acme, document, run, unit(1, 0.1), unit(0, 1))
        assert vectors.query(unit(1), model_id=MODEL, limit=5) == []
        vectors.publish(document_id=document, run_id=run)
        found = vectors.query(unit(1), model_id=MODEL, limit=5)
        assert [match.point_id for match in found] == [near.point_id, far.point_id]
        assert found[0].score == pytest.approx(float(unit(1) @ near.vector), abs=1e-5)
        assert vectors.query(unit(1), model_id="another", limit=5) == []
        for documents in (Document.objects.none(), Document.objects.all()):
            # There is no row of the points' document here.
            assert vectors.query(unit(1), model_id=MODEL, limit=5, documents=documents) == []
        assert len(vectors.query(unit(1), model_id=MODEL, limit=1)) == 1
    with tenant_context(globex):
        assert for_tenant(globex).vectors.query(unit(1), model_id=MODEL, limit=5) == []


def test_writing_again_replaces_and_publishing_hides_the_run_before(
    acme: Tenant, globex: Tenant
) -> None:
    document, first, second = new_id(), new_id(), new_id()
    with tenant_context(acme):
        vectors = for_tenant(acme).vectors
        points = put_points(acme, document, first, unit(1))
        vectors.upsert(points, model_id=MODEL)
        assert vectors.count(document_id=document) == 1
        vectors.publish(document_id=document, run_id=first)
        [newer] = put_points(acme, document, second, unit(1, 1))
        vectors.publish(document_id=document, run_id=second)
        found = vectors.query(unit(1), model_id=MODEL, limit=5)
        assert [match.point_id for match in found] == [newer.point_id]
        vectors.delete_run(first)
        assert vectors.count(document_id=document) == 1
        kept = [point for point in vectors.snapshot() if point.document_id == document]
        assert np.allclose(kept[0].vector, unit(1, 1))
        vectors.delete_document(document)
        assert vectors.count(document_id=document) == 0
    with tenant_context(globex):
        assert for_tenant(globex).vectors.count() == 0
