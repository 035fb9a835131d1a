"""Uploads in pieces, request by request: what tus asks for, and what a tenant may do with them."""

import hashlib
import threading
from base64 import b64encode
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from frostbyte.kernel.bodies import BodyInterruptedError
from frostbyte.kernel.errors import ServiceUnavailableError
from frostbyte.kernel.hashing import sha256_hex
from intake.batches.services import batch_expire
from intake.models import Batch, BatchFile, Collection, Document, Receipt, Upload, UploadPart
from intake.receipts import receipt_verify
from intake.tasks import settle_uploads
from intake.uploads import services
from intake.uploads.appending import PART_BYTES
from intake.uploads.errors import UploadChecksumError, UploadLockedError
from intake.uploads.protocol import Checksum
from intake.uploads.services import upload_append, upload_create, uploads_sweep
from processing.storage import storage_reconcile
from tenants.context import tenant_context
from tenants.errors import TenantSuspendedError
from tenants.models import Tenant
from tenants.services import api_key_issue, tenant_configure
from tenants.stores import for_tenant
from tests.api.conftest import Caller, assert_problem, host_of, new_key

UPLOADS = "/api/v1/uploads"
KIND = "application/offset+octet-stream"
TEXT = b"Purchases above 5,000 euros are approved by the head of finance.\n"


class Sender:
    """A client of the protocol, that says what it is told to."""

    def __init__(self, tenant: Tenant, *scopes: str, groups: tuple[str, ...] = ()) -> None:
        options = {"groups": list(groups)} if groups else {}
        self.caller = Caller(host_of(tenant), new_key(tenant, scopes or ("ingest",), **options))

    def send(self, method: str, path: str, data: bytes = b"", **headers: str) -> Any:
        """Make a request; `Upload_Offset=...` is the header Upload-Offset."""
        named = {"Tus-Resumable": "1.0.0", **{k.replace("_", "-"): v for k, v in headers.items()}}
        kind = named.pop("Content-Type", KIND if method == "PATCH" else "")
        named = {name: value for name, value in named.items() if value != "-"}
        if kind and not data:
            # Django's client leaves the type of an empty body out.
            named["Content-Type"] = kind
        return self.caller.generic(method, path, data, content_type=kind, headers=named)

    def create(self, size: int, **said: str) -> Any:
        """Begin an upload."""
        return self.send("POST", UPLOADS, Upload_Length=str(size), Upload_Metadata=metadata(**said))

    def begin(self, size: int, **said: str) -> str:
        """Begin an upload and return its path."""
        answer = self.create(size, **said)
        assert answer.status_code == 201, answer.content
        return str(answer["Location"]).split("localhost", 1)[1]

    def append(self, path: str, offset: int, data: bytes, **headers: str) -> Any:
        """Add bytes."""
        return self.send("PATCH", path, data, Upload_Offset=str(offset), **headers)

    def offset(self, path: str) -> int:
        """Ask how far it is."""
        answer = self.send("HEAD", path)
        assert answer.status_code == 200, answer.content
        assert answer["Cache-Control"] == "no-store"
        return int(answer["Upload-Offset"])


def metadata(**said: str) -> str:
    return ",".join(f"{name} {b64encode(value.encode()).decode()}" for name, value in said.items())


def parts_of(tenant: Tenant) -> list[str]:
    with tenant_context(tenant):
        return list(for_tenant(tenant).objects.list("uploads/"))


@pytest.fixture(autouse=True)
def _no_parts(acme: Tenant, globex: Tenant) -> None:
    """Begin without the parts of uploads that earlier tests left in the buckets."""
    for tenant in (acme, globex):
        for key in parts_of(tenant):
            for_tenant(tenant).objects.delete(key)


def test_a_file_in_pieces_becomes_a_document_with_one_receipt(acme: Tenant, globex: Tenant) -> None:
    for tenant in (acme, globex):
        sender = Sender(tenant)
        path = sender.begin(len(TEXT), filename="policy.txt", filetype="text/plain")
        assert sender.offset(path) == 0
        assert sender.append(path, 0, TEXT[:20])["Upload-Offset"] == "20"
        assert sender.offset(path) == 20
        last = sender.append(path, 20, TEXT[20:])
        assert (last.status_code, last["Upload-Offset"]) == (204, str(len(TEXT)))
        assert last["Tus-Resumable"] == "1.0.0"
        assert last["Frostbyte-Outcome"] == "accepted"
        told = sender.caller.get(path).json()
        assert (told["state"], told["offset"]) == ("finished", len(TEXT))
        assert told["links"]["receipt"] == last["Frostbyte-Receipt"]
        assert sender.send("HEAD", path)["Frostbyte-Receipt"] == last["Frostbyte-Receipt"]
        receipt = sender.caller.get(told["links"]["receipt"]).json()
        assert receipt["sha256"] == sha256_hex(TEXT)
        assert receipt_verify(receipt).is_valid
        assert receipt["received_from"].startswith("key:")
        assert sender.append(path, len(TEXT), b"").status_code == 204
        with tenant_context(tenant):
            assert Receipt.objects.count() == Document.objects.count() == 1
            stored = Document.objects.get()
            assert for_tenant(tenant).objects.get(stored.raw_key) == TEXT
        assert parts_of(tenant) == []


def test_options_tell_what_is_spoken(acme: Tenant, globex: Tenant) -> None:
    tenant_configure(tenant=acme, changes={"max_file_size_mb": 7}, actor="tester")
    for tenant, megabytes in ((acme, 7), (globex, 500)):
        told = Sender(tenant).send("OPTIONS", UPLOADS, Tus_Resumable="-")
        assert told.status_code == 204
        assert told["Tus-Version"] == told["Tus-Resumable"] == "1.0.0"
        assert told["Tus-Max-Size"] == str(megabytes * 1024 * 1024)
        assert told["Tus-Checksum-Algorithm"] == "sha1,sha256"
        assert {"creation", "checksum", "termination", "expiration"} <= set(
            told["Tus-Extension"].split(",")
        )


def test_another_version_is_refused(acme: Tenant, globex: Tenant) -> None:
    sender = Sender(acme)
    path = sender.begin(10, filename="a.txt")
    for method, where in (("POST", UPLOADS), ("HEAD", path), ("PATCH", path), ("DELETE", path)):
        for version in ("-", "0.2.2"):
            answer = sender.send(method, where, Tus_Resumable=version)
            assert (answer.status_code, answer["Tus-Version"]) == (412, "1.0.0")
    assert Sender(globex).send("HEAD", path, Tus_Resumable="-").status_code == 412


def test_small_pieces_are_put_together_and_large_ones_cut(acme: Tenant, globex: Tenant) -> None:
    line = b"A line of a long file, of which there are many.\n"
    data = line * (3 * PART_BYTES // len(line))
    steps = (1, 999, PART_BYTES - 500, 7, PART_BYTES * 2 - 3)
    for tenant in (acme, globex):
        sender, at = Sender(tenant), 0
        path = sender.begin(len(data), filename="long.txt")
        for step in steps:
            piece = data[at : at + step]
            assert sender.append(path, at, piece).status_code == 204
            at += len(piece)
            if at < len(data):
                with tenant_context(tenant):
                    sizes = [part.size_bytes for part in UploadPart.objects.order_by("offset")]
                assert sum(sizes) == at
                assert sizes[:-1] == [PART_BYTES] * (len(sizes) - 1)
                assert len(parts_of(tenant)) == len(sizes)
        assert at == len(data)
        receipt = sender.caller.get(sender.caller.get(path).json()["links"]["receipt"]).json()
        assert receipt["sha256"] == sha256_hex(data)


def test_bytes_for_another_place_or_too_many(acme: Tenant, globex: Tenant) -> None:
    sender = Sender(acme)
    path = sender.begin(50, filename="a.txt")
    sender.append(path, 0, TEXT[:20])
    for offset in (0, 19, 21, 50):
        problem = assert_problem(sender.append(path, offset, b"x"), 409, "UPLOAD_OFFSET_CONFLICT")
        assert problem["offset"] == 20
    assert_problem(sender.append(path, 20, b"x" * 31), 413, "UPLOAD_TOO_LONG")
    assert sender.offset(path) == 20
    for headers in ({"Upload_Offset": "-1"}, {"Upload_Offset": ""}, {"Upload_Offset": "x"}):
        assert_problem(sender.send("PATCH", path, b"x", **headers), 400, "VALIDATION_ERROR")
    wrong_kind = sender.append(path, 20, b"x", **{"Content-Type": "text/plain"})
    assert_problem(wrong_kind, 415, "UNSUPPORTED_MEDIA_TYPE")
    with tenant_context(globex):
        assert Upload.objects.count() == 0


def checksum(algorithm: str, data: bytes) -> str:
    return f"{algorithm} {b64encode(hashlib.new(algorithm, data).digest()).decode()}"


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_a_checksum_keeps_all_or_nothing(acme: Tenant, globex: Tenant, algorithm: str) -> None:
    data = TEXT * (PART_BYTES * 2 // len(TEXT))
    for tenant in (acme, globex):
        sender = Sender(tenant)
        path = sender.begin(len(data) + 10, filename="a.txt")
        sender.append(path, 0, data[:10])
        for piece in (data[10:], data[10:99]):
            wrong = sender.append(path, 10, piece, Upload_Checksum=checksum(algorithm, b"other"))
            assert_problem(wrong, 460, "CHECKSUM_MISMATCH")
            assert sender.offset(path) == 10
            assert len(parts_of(tenant)) == 1
        right = checksum(algorithm, data[10:])
        assert sender.append(path, 10, data[10:], Upload_Checksum=right).status_code == 204
        tail = data[:10]
        right = checksum(algorithm, tail)
        assert sender.append(path, len(data), tail, Upload_Checksum=right).status_code == 204
        receipt = sender.caller.get(sender.caller.get(path).json()["links"]["receipt"]).json()
        assert receipt["sha256"] == sha256_hex(data + tail)
    for said in ("md5 AAAA", "sha1", "sha1 ***"):
        path = sender.begin(10, filename="b.txt")
        problem = sender.append(path, 0, b"x", Upload_Checksum=said)
        assert problem.status_code in {400, 460}


class Broken:
    """A body whose sender goes away after some bytes."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def read(self, size: int) -> bytes:
        if not self.data:
            raise BodyInterruptedError
        taken, self.data = self.data[:size], self.data[size:]
        return taken


@pytest.mark.parametrize("with_checksum", [False, True])
def test_what_came_before_the_connection_broke_is_kept_unless_it_cannot_be_checked(
    acme: Tenant, globex: Tenant, with_checksum: bool
) -> None:
    came = PART_BYTES + 1000
    data = TEXT * (came // len(TEXT) + 100)
    check = (
        Checksum("sha1", hashlib.sha1(data, usedforsecurity=False).digest())
        if with_checksum
        else None
    )
    for tenant in (acme, globex):
        with tenant_context(tenant):
            upload = upload_create(tenant=tenant, filename="a.txt", size=len(data), actor="me")
            try:
                upload_append(
                    tenant=tenant,
                    upload_id=upload.pk,
                    offset=0,
                    read=Broken(data[:came]).read,
                    checksum=check,
                )
            except UploadChecksumError:
                assert with_checksum
            upload.refresh_from_db()
            assert upload.offset == (0 if with_checksum else came)
            rest = data[upload.offset :]
            upload_append(
                tenant=tenant,
                upload_id=upload.pk,
                offset=upload.offset,
                read=_whole(rest),
            )
            assert Document.objects.get().sha256 == sha256_hex(data)


def _whole(data: bytes) -> Any:
    stream = Broken(data)
    return lambda size: stream.read(size) if stream.data else b""


def test_a_second_request_is_told_to_wait(acme: Tenant, globex: Tenant, committed: None) -> None:
    problems: list[str] = []
    with tenant_context(acme):
        upload = upload_create(tenant=acme, filename="a.txt", size=10, actor="me")

        def other() -> None:
            try:
                with tenant_context(acme):
                    upload_append(tenant=acme, upload_id=upload.pk, offset=0, read=_whole(b"x"))
            except UploadLockedError as error:
                problems.append(error.code)
            finally:
                connection.close()

        with services.held(upload.pk):
            thread = threading.Thread(target=other)
            thread.start()
            thread.join()
        services.upload_terminate(tenant=acme, upload_id=upload.pk)
    assert problems == ["UPLOAD_LOCKED"]
    with tenant_context(globex):
        assert not Upload.objects.exists()


def test_creation_refuses_before_anything_is_sent(acme: Tenant, globex: Tenant) -> None:
    tenant_configure(
        tenant=acme, changes={"max_file_size_mb": 1500, "storage_quota_gb": 1}, actor="tester"
    )
    sender, gigabyte = Sender(acme), 1024**3
    problem = assert_problem(sender.create(1501 * 1024**2, filename="a"), 413, "SIZE_EXCEEDED")
    assert problem["limit_bytes"] == 1500 * 1024**2
    problem = assert_problem(sender.create(gigabyte + 1, filename="a"), 422, "QUOTA_EXCEEDED")
    assert (problem["limit"], problem["adds"]) == (gigabyte, gigabyte + 1)
    sender.begin(gigabyte - 100, filename="a")
    problem = assert_problem(sender.create(101, filename="b"), 422, "QUOTA_EXCEEDED")
    assert (problem["on_their_way"], problem["adds"]) == (gigabyte - 100, 101)
    assert sender.create(100, filename="b").status_code == 201
    assert Sender(globex).create(gigabyte // 4, filename="a").status_code == 201
    bad = [
        {"Upload_Length": "10"},
        {"Upload_Length": "10", "Upload_Metadata": "filename"},
        {"Upload_Length": "10", "Upload_Metadata": "filename ***"},
        {"Upload_Length": "10", "Upload_Metadata": "filename YQ==,filename Yg=="},
        {"Upload_Length": "10", "Upload_Metadata": "filename " + "YQ==" * 3000},
        {"Upload_Metadata": metadata(filename="a")},
        {"Upload_Length": "-5", "Upload_Metadata": metadata(filename="a")},
        {"Upload_Length": "9" * 16, "Upload_Metadata": metadata(filename="a")},
        {"Upload_Defer_Length": "1", "Upload_Metadata": metadata(filename="a")},
    ]
    for headers in bad:
        assert_problem(sender.send("POST", UPLOADS, b"", **headers), 400, "VALIDATION_ERROR")
    problem = sender.create(10, filename="a", metadata="no JSON")
    assert_problem(problem, 400, "VALIDATION_ERROR")


def test_the_whole_file_may_come_along_and_an_empty_one_is_refused_with_a_receipt(
    acme: Tenant, globex: Tenant
) -> None:
    for tenant in (acme, globex):
        sender = Sender(tenant)
        headers = {
            "Upload_Length": str(len(TEXT)),
            "Upload_Metadata": metadata(filename="a.txt"),
            "Content-Type": KIND,
        }
        answer = sender.send("POST", UPLOADS, TEXT, **headers)
        assert answer.status_code == 201, answer.content
        assert answer["Upload-Offset"] == str(len(TEXT))
        assert answer.json()["outcome"] == "accepted"
        empty = sender.create(0, filename="empty.txt")
        assert (empty.status_code, empty["Frostbyte-Outcome"]) == (201, "rejected")
        receipt = sender.caller.get(empty["Frostbyte-Receipt"]).json()
        assert receipt["code"] == "EMPTY_FILE"


def test_termination_removes_what_came(acme: Tenant, globex: Tenant) -> None:
    sender = Sender(acme)
    path = sender.begin(50, filename="a.txt")
    sender.append(path, 0, TEXT[:20])
    assert len(parts_of(acme)) == 1
    assert Sender(globex).send("DELETE", path).status_code == 404
    assert sender.send("DELETE", path).status_code == 204
    assert parts_of(acme) == []
    for method in ("HEAD", "PATCH", "DELETE"):
        headers = {"Upload_Offset": "20"} if method == "PATCH" else {}
        assert sender.send(method, path, b"", **headers).status_code == 404


def test_nobody_else_reaches_an_upload(acme: Tenant, globex: Tenant) -> None:
    with tenant_context(acme):
        group = Group.objects.create(name="board-members")
        Collection.objects.create(name="board", restricted=True).groups.add(group)
    insider = Sender(acme, groups=("board-members",))
    path = insider.begin(len(TEXT), filename="a.txt", collection="board")
    insider.append(path, 0, TEXT[:20])
    for outsider in (Sender(globex), Sender(acme)):
        assert outsider.create(10, filename="a.txt", collection="board").status_code == 404
        for method in ("HEAD", "PATCH", "DELETE", "GET"):
            headers = {"Upload_Offset": "20"} if method == "PATCH" else {}
            assert outsider.send(method, path, b"", **headers).status_code == 404
    assert Sender(acme, "query").send("HEAD", path).status_code == 403
    assert Caller(host_of(acme)).get(path).status_code == 401
    assert insider.append(path, 20, TEXT[20:])["Frostbyte-Outcome"] == "accepted"
    with tenant_context(acme):
        assert Document.objects.get().collection.name == "board"


def test_a_whole_upload_without_a_receipt_is_taken_over(
    acme: Tenant, globex: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the next HEAD, PATCH or sweep, whichever comes first: as after a kill -9."""

    def out_of_reach(**_options: Any) -> Receipt:
        raise ServiceUnavailableError("The store is away.")

    def by_sweep() -> None:
        with tenant_context(acme):
            assert uploads_sweep(tenant=acme).finished == 1

    for number, take_over in enumerate(("HEAD", "GET", "PATCH", "sweep")):
        sender, data = Sender(acme), TEXT + bytes([65 + number]) * 9 + b"\n"
        path = sender.begin(len(data), filename=f"{number}.txt")
        with monkeypatch.context() as patched:
            patched.setattr(services, "document_receive", out_of_reach)
            assert sender.append(path, 0, data).status_code == 503
        with tenant_context(acme):
            upload = Upload.objects.get(finished_at=None)
            assert upload.is_whole
        if take_over == "sweep":
            by_sweep()
        else:
            headers = {"Upload_Offset": str(len(data))} if take_over == "PATCH" else {}
            answer = sender.send(take_over, path, b"", **headers)
            assert answer["Frostbyte-Outcome"] == "accepted"
        with tenant_context(acme):
            receipt = Receipt.objects.get(pk=upload.receipt_id)
            assert receipt.sha256 == sha256_hex(data)
            assert Receipt.objects.count() == number + 1
    with tenant_context(globex):
        assert uploads_sweep(tenant=globex) == services.Swept(0, 0)


def test_a_receipt_that_was_given_before_the_process_died_stays_the_only_one(
    acme: Tenant, globex: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    class KilledError(Exception):
        """As if the process had ended here."""

    def killed(*_arguments: Any, **_options: Any) -> None:
        raise KilledError

    for tenant in (acme, globex):
        with tenant_context(tenant):
            upload = upload_create(tenant=tenant, filename="a.txt", size=len(TEXT), actor="me")
            with monkeypatch.context() as patched:
                patched.setattr(Upload, "save", killed)
                with pytest.raises(KilledError):
                    upload_append(tenant=tenant, upload_id=upload.pk, offset=0, read=_whole(TEXT))
            assert Receipt.objects.count() == 1
            monkeypatch.setattr(services, "upload_receipt", _blind_once())
            upload.refresh_from_db()
            with services.held(upload.pk):
                services.upload_finish(tenant=tenant, upload=upload)
            monkeypatch.undo()
            assert Receipt.objects.count() == Document.objects.count() == 1
            assert Receipt.objects.get().pk == upload.receipt_id
        keys = set(for_tenant(tenant).objects.list("raw/"))
        with tenant_context(tenant):
            assert set(Document.objects.values_list("raw_key", flat=True)) <= keys


def _blind_once() -> Any:
    """The look that was too early: no receipt yet, though another process stores it just now."""
    looks = iter([True])

    def look(*, upload: Upload) -> Receipt | None:
        if next(looks, False):
            return None
        return Receipt.objects.filter(pk=upload.receipt_id).first()

    return look


def test_uploads_end_when_their_sender_is_gone_for_long(acme: Tenant, globex: Tenant) -> None:
    for tenant in (acme, globex):
        sender = Sender(tenant)
        path = sender.begin(50, filename="a.txt")
        sender.append(path, 0, TEXT[:20])
    with tenant_context(acme):
        Upload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    settle_uploads.apply((acme.slug,))
    settle_uploads.apply((globex.slug,))
    assert parts_of(acme) == []
    assert Sender(acme).send("HEAD", path).status_code == 404
    with tenant_context(acme):
        assert not Upload.objects.exists()
    with tenant_context(globex):
        assert Upload.objects.get().offset == 20
    assert len(parts_of(globex)) == 1


def batch_of(tenant: Tenant, data: bytes) -> BatchFile:
    with tenant_context(tenant):
        batch = Batch.objects.create(
            reference="March",
            collection=Collection.objects.get(name="default"),
            file_count=1,
            manifest_sha256="0" * 64,
            expires_at=timezone.now() + timedelta(hours=1),
        )
        return BatchFile.objects.create(
            batch=batch,
            position=0,
            file_id="f-1",
            filename="policy.txt",
            media_type="text/plain",
            size_bytes=len(data),
            sha256=sha256_hex(data),
        )


def test_a_file_of_a_batch_is_begun_as_its_manifest_says(acme: Tenant, globex: Tenant) -> None:
    file = batch_of(acme, TEXT)
    said = {"batch": str(file.batch_id), "file_id": "f-1"}
    sender = Sender(acme)
    assert_problem(sender.create(len(TEXT) + 1, **said), 409, "UPLOAD_SIZE_MISMATCH")
    assert Sender(globex).create(len(TEXT), **said).status_code == 404
    for wrong in ({"file_id": "f-2"}, {"batch": str(file.pk)}):
        assert sender.create(len(TEXT), **(said | wrong)).status_code in {400, 404}
    first = sender.begin(len(TEXT), **said)
    sender.append(first, 0, TEXT[:10])
    second = sender.begin(len(TEXT), **said)
    assert sender.send("HEAD", first).status_code == 404
    assert parts_of(acme) == []
    with tenant_context(acme):
        upload = Upload.objects.get()
        assert (upload.filename, upload.expires_at) == ("policy.txt", file.batch.expires_at)
        Batch.objects.update(state="cancelled")
    assert second.endswith(str(upload.pk))
    assert_problem(sender.create(len(TEXT), **said), 409, "BATCH_NOT_OPEN")


def test_the_last_file_of_a_batch_makes_it_received(acme: Tenant, globex: Tenant) -> None:
    for tenant, sent in ((acme, TEXT), (globex, TEXT[:-1] + b"!")):
        file, sender = batch_of(tenant, TEXT), Sender(tenant)
        path = sender.begin(len(TEXT), batch=str(file.batch_id), file_id="f-1")
        answer = sender.append(path, 0, sent)
        assert answer["Frostbyte-Outcome"] == ("accepted" if sent == TEXT else "rejected")
        receipt = sender.caller.get(answer["Frostbyte-Receipt"]).json()
        assert (receipt["batch_reference"], receipt["file_id"]) == ("March", "f-1")
        assert receipt["code"] == ("" if sent == TEXT else "CHECKSUM_MISMATCH")
        assert receipt_verify(receipt).is_valid
        with tenant_context(tenant):
            file.refresh_from_db()
            assert str(file.receipt_id) == receipt["id"]
            assert Batch.objects.get().state in {"received", "completed"}
        again = sender.create(len(TEXT), batch=str(file.batch_id), file_id="f-1")
        assert_problem(again, 409, "BATCH_NOT_OPEN")


def test_an_upload_whose_batch_was_closed_meanwhile_ends_with_the_receipt_of_that(
    acme: Tenant, globex: Tenant
) -> None:
    for tenant in (acme, globex):
        file, sender = batch_of(tenant, TEXT), Sender(tenant)
        path = sender.begin(len(TEXT), batch=str(file.batch_id), file_id="f-1")
        sender.append(path, 0, TEXT[:10])
        with tenant_context(tenant):
            batch_expire(tenant=tenant, batch=Batch.objects.get(), actor="tester")
        answer = sender.append(path, 10, TEXT[10:])
        assert (answer.status_code, answer["Frostbyte-Outcome"]) == (204, "rejected")
        receipt = sender.caller.get(answer["Frostbyte-Receipt"]).json()
        assert receipt["code"] == "UPLOAD_EXPIRED"
        with tenant_context(tenant):
            assert Receipt.objects.count() == 1
            assert not Document.objects.exists()


def test_a_suspended_tenant_keeps_what_came(acme: Tenant, globex: Tenant) -> None:
    with tenant_context(acme):
        upload = upload_create(tenant=acme, filename="a.txt", size=50, actor="me")
        upload_append(tenant=acme, upload_id=upload.pk, offset=0, read=_whole(TEXT[:20]))
    Tenant.objects.filter(pk=acme.pk).update(state="SUSPENDED")
    with tenant_context(acme), pytest.raises(TenantSuspendedError):
        upload_append(tenant=acme, upload_id=upload.pk, offset=20, read=_whole(TEXT[20:40]))
    Tenant.objects.filter(pk=acme.pk).update(state="ACTIVE")
    with tenant_context(acme):
        upload_append(tenant=acme, upload_id=upload.pk, offset=20, read=_whole(TEXT[20:50]))
        assert Document.objects.get().sha256 == sha256_hex(TEXT[:50])
    with tenant_context(globex):
        assert not Document.objects.exists()


def test_the_stores_agree_while_an_upload_is_under_way(acme: Tenant, globex: Tenant) -> None:
    for tenant in (acme, globex):
        sender = Sender(tenant)
        sender.append(sender.begin(50, filename="a.txt"), 0, TEXT[:20])
        found = storage_reconcile(tenant=tenant, actor="tester")
        assert not [each for each in found.differences if each.key.startswith("uploads/")]
        for_tenant(tenant).objects.put("uploads/left-over/part", b"x")
        found = storage_reconcile(tenant=tenant, actor="tester", repair=True, patience=timedelta(0))
        assert "uploads/left-over/part" in {each.key for each in found.differences}
        assert len(parts_of(tenant)) == 1


def test_a_collection_with_uploads_under_way_stays(acme: Tenant, globex: Tenant) -> None:
    for tenant in (acme, globex):
        with tenant_context(tenant):
            Collection.objects.create(name="shelf")
        sender, manager = Sender(tenant), Sender(tenant, "admin")
        path = sender.begin(len(TEXT), filename="a.txt", collection="shelf")
        refused = manager.caller.delete("/api/v1/collections/shelf")
        assert_problem(refused, 409, "COLLECTION_NOT_EMPTY")
        sender.send("DELETE", path)
        assert manager.caller.delete("/api/v1/collections/shelf").status_code == 204


def test_many_pieces_are_not_too_many_requests(acme: Tenant, globex: Tenant) -> None:
    tenant_configure(tenant=acme, changes={"rate_intake_per_minute": 3}, actor="tester")
    cache.clear()
    sender = Sender(acme)
    path = sender.begin(50, filename="a.txt")
    assert [sender.append(path, at, b"x").status_code for at in range(6)] == [204] * 6
    assert api_key_issue(tenant=globex, name="x", scopes=["ingest"], actor="me")[0].tenant == globex
