"""OWASP ASVS 5.0, chapter V5 (file handling): one test a line, in the table of docs/security.md."""

import io
import re
import stat
from pathlib import Path
from typing import Any

import httpx

from intake.checks import images, text, zips
from intake.checks import pdf as pdf_checks
from intake.formats import EXTENSIONS, NAMES
from intake.models import Document, Outcome, Receipt
from processing.runner import run_advance
from processing.services import run_start
from tenants.configuration import TenantConfiguration
from tenants.context import tenant_context
from tenants.models import Tenant
from tenants.services import tenant_configure
from tenants.stores import for_tenant
from tests.api.conftest import ALL_SCOPES, Caller, host_of, new_key
from tests.conftest import PROJECT_DIR, Receive
from tests.hostile import building
from tests.intake.scanners import clamd, eicar, needs_clamd

GUIDE = PROJECT_DIR / "docs" / "security.md"
NOTE = b"A note about cranes and quays.\n"
NASTY = 'a"; filename="b.txt\r\nX-Injected: 1 <img src=x onerror=alert(1)>.txt'


def refused(receipt: Receipt) -> tuple[str, str]:
    """Return why a file was refused."""
    assert receipt.outcome != Outcome.ACCEPTED
    assert receipt.document is None
    assert receipt.remediation
    return receipt.code, receipt.reason


def table_rows(heading: str) -> list[list[str]]:
    """Return the cells of the table under a heading of the document."""
    section = GUIDE.read_text().split(f"## {heading}")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_every_line_of_the_chapter_has_its_test() -> None:
    rows = table_rows("OWASP ASVS 5.0, chapter V5")
    named = {row[3].strip("`") for row in rows}
    here = {name for name in globals() if name.startswith("test_v5_")}
    assert named == here
    lines = ["5.1.1", *(f"5.2.{n}" for n in range(1, 7)), *(f"5.3.{n}" for n in range(1, 4)),
             *(f"5.4.{n}" for n in range(1, 4))]  # fmt: skip
    assert [row[0] for row in rows] == lines
    for line, _level, _asked, test in rows:
        assert test.strip("`").startswith(f"test_v{line.replace('.', '_')}_")


def test_v5_1_1_formats_and_limits_are_written_down() -> None:
    told = {row[0]: set(re.findall(r"\.\w+", row[1])) for row in table_rows("What is accepted")}
    assert set(told) == set(NAMES.values())
    for extension, media_type in EXTENSIONS.items():
        assert extension in told[NAMES[media_type]]
    guide = " ".join(GUIDE.read_text().split())
    largest = TenantConfiguration.model_fields["max_file_size_mb"].default
    for limit in (
        f"at most {largest} MB",
        f"at most {zips.UNPACKED_LIMIT // zips.MEGABYTE} MB",
        f"{zips.MEMBER_LIMIT:,} parts",
        f"past {zips.RATIO_FROM // zips.MEGABYTE} MB to no more than {zips.UNPACKED_RATIO} times",
        f"{pdf_checks.PAGE_LIMIT:,} pages of at most {pdf_checks.SIDE_LIMIT:,.0f} points",
        f"{images.PIXEL_LIMIT // 10**6} million pixels and {images.SIDE_LIMIT:,} a side",
        f"at most {text.LINE_LIMIT // 2**20} MB",
        "Its bytes are not kept anywhere",
    ):
        assert limit in guide, limit


def test_v5_2_1_a_file_over_the_limit_is_refused(
    acme: Tenant, globex: Tenant, receive: Receive
) -> None:
    tenant_configure(tenant=acme, changes={"max_file_size_mb": 1}, actor="t")
    large = NOTE * 40_000
    assert refused(receive(acme, "large.txt", large)) == ("SIZE_EXCEEDED", "")
    assert receive(globex, "large.txt", large).outcome == Outcome.ACCEPTED


def test_v5_2_2_name_and_content_must_agree(acme: Tenant, globex: Tenant, receive: Receive) -> None:
    for name, data in (
        ("report.docx", building.page_pdf()),
        ("report.pdf", building.docx()),
        ("page.html", building.png_header(10, 10)),
    ):
        assert refused(receive(acme, name, data)) == ("TYPE_MISMATCH", "")
    inside = building.docx(("word/media/picture.png", building.archive({"a.txt": b"x"})))
    assert refused(receive(acme, "report.docx", inside)) == ("UNSAFE_CONTAINER", "nesting")


def test_v5_2_3_size_and_number_of_parts_are_limited(
    acme: Tenant, globex: Tenant, receive: Receive
) -> None:
    long = building.docx(("word/media/a.txt", b" " * (zips.RATIO_FROM + 1)))
    many = building.docx(*((f"word/media/{n}", b"") for n in range(zips.MEMBER_LIMIT)))
    for data in (long, many):
        assert refused(receive(acme, "a.docx", data)) == ("UNSAFE_CONTAINER", "unpacked_size")


def test_v5_2_4_quotas_of_files_and_bytes(acme: Tenant, globex: Tenant, receive: Receive) -> None:
    tenant_configure(tenant=acme, changes={"document_quota": 1, "storage_quota_gb": 1}, actor="t")
    assert receive(acme, "1.txt", NOTE).outcome == Outcome.ACCEPTED
    assert refused(receive(acme, "2.txt", NOTE * 2)) == ("QUOTA_EXCEEDED", "documents")
    tenant_configure(tenant=acme, changes={"document_quota": 10}, actor="t")
    with tenant_context(acme):
        Document.objects.create(
            filename="large", media_type="text/plain", size_bytes=1024**3, sha256="0" * 64,
            raw_key="raw/large", uploaded_by="t",
        )  # fmt: skip
    assert refused(receive(acme, "3.txt", NOTE * 3)) == ("QUOTA_EXCEEDED", "storage")
    assert receive(globex, "2.txt", NOTE * 2).outcome == Outcome.ACCEPTED


def test_v5_2_5_links_in_containers_are_refused(
    acme: Tenant, globex: Tenant, receive: Receive
) -> None:
    for kind in (stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO):
        link = building.member("word/media/link", mode=kind | 0o777)
        data = building.docx((link, b"/etc/passwd"))
        assert refused(receive(acme, "a.docx", data)) == ("UNSAFE_CONTAINER", "links")


def test_v5_2_6_pixel_floods_are_refused(acme: Tenant, globex: Tenant, receive: Receive) -> None:
    picture = building.png_header(20_000, 20_000)
    flood = building.docx(("word/media/a.png", picture))
    assert refused(receive(acme, "a.docx", flood)) == ("UNSAFE_CONTAINER", "pixels")
    page = building.page_pdf(box=b"0 0 100000 100000")
    assert refused(receive(acme, "a.pdf", page)) == ("UNSAFE_CONTAINER", "pixels")


def test_v5_3_1_stored_files_are_not_served_nor_run(
    acme: Tenant, globex: Tenant, receive: Receive, settings: Any
) -> None:
    page = b"<html><body><script>alert(1)</script><?php echo 1; ?><p>Cranes</p></body></html>"
    document = receive(acme, "page.html", page).document
    assert document is not None
    caller = Caller(host_of(acme), new_key(acme))
    bucket = for_tenant(acme).objects.bucket
    for path in (document.raw_key, f"{bucket}/{document.raw_key}", f"media/{document.raw_key}",
                 f"static/{document.raw_key}", "page.html"):  # fmt: skip
        assert caller.get(f"/{path}").status_code == 404
    address = f"{settings.S3_ENDPOINT_URL}/{bucket}/{document.raw_key}"
    assert httpx.get(address, timeout=5).status_code == 403


def test_v5_3_2_paths_are_our_own(acme: Tenant, globex: Tenant, receive: Receive) -> None:
    before = set(for_tenant(globex).objects.list())
    for number, name in enumerate(("../../etc/passwd.txt", "/etc/cron.d/job.txt", "C:\\a.txt")):
        document = receive(acme, name, NOTE * (number + 1)).document
        assert document is not None
        assert document.raw_key == f"raw/{document.pk}/{document.sha256}"
        assert not set(document.filename) & set("/\\")
    assert set(for_tenant(globex).objects.list()) == before


def test_v5_3_3_paths_in_containers_are_refused(
    acme: Tenant, globex: Tenant, receive: Receive, tmp_path: Path
) -> None:
    for name in ("../escaped.txt", f"{tmp_path}/escaped.txt", "word/../../escaped.txt"):
        data = building.docx((name, b"x"))
        assert refused(receive(acme, "a.docx", data)) == ("UNSAFE_CONTAINER", "names")
    assert list(tmp_path.iterdir()) == []


def test_v5_4_1_names_choose_nothing(acme: Tenant, globex: Tenant, receive: Receive) -> None:
    receive(acme, "../../../etc/passwd.txt", NOTE)
    caller = Caller(host_of(acme), new_key(acme))
    for path in ("passwd.txt", "..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd"):
        response = caller.get(f"/api/v1/documents/{path}")
        assert response.status_code == 404
        assert b"root:" not in response.content
    assert caller.get("/api/v1/documents?filename=../../etc/passwd").status_code in {200, 400}


def test_v5_4_2_names_break_no_header_and_no_page(
    acme: Tenant, globex: Tenant, receive: Receive
) -> None:
    document = receive(acme, NASTY, NOTE).document
    assert document is not None
    with tenant_context(acme):
        run_advance(tenant=acme, run_id=run_start(tenant=acme, document=document).pk)
    caller = Caller(host_of(acme), new_key(acme, ALL_SCOPES))
    response = caller.get(f"/api/v1/documents/{document.pk}")
    assert response.status_code == 200
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Type"].startswith("application/json")
    assert "X-Injected" not in response.headers
    assert not set(document.filename) & set("\r\n")


@needs_clamd
def test_v5_4_3_malware_is_found_before_anything_is_stored(
    acme: Tenant, globex: Tenant, receive: Receive, settings: Any, tmp_path: Path
) -> None:
    before = set(for_tenant(acme).objects.list())
    with clamd(tmp_path) as scanner:
        settings.CLAMD_HOST = scanner.address
        assert refused(receive(acme, "note.txt", eicar())) == ("MALWARE_DETECTED", "")
        assert scanner.scan(io.BytesIO(NOTE)).signature == ""
    assert set(for_tenant(acme).objects.list()) == before
