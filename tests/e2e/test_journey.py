"""From a file on one's own machine to a cited, proven answer, in a real browser."""

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FilePayload, Locator, Page, expect
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from tests.e2e.conftest import NewPage, Site

UNTIL_SEARCHABLE_MS = 120_000
QUESTION = "How many days of notice end the tugboat charter?"
SENTENCE = "Either party may end the tugboat charter with forty-two days of written notice."
HOSTILE = "<img src=x onerror=alert(1)>.txt"
DOCUMENTS = "Documents"


def charter() -> bytes:
    """A PDF of two pages; the second has the sentence that answers."""
    target = BytesIO()
    canvas = Canvas(target, pagesize=A4, invariant=True)
    canvas.setFont("Helvetica-Bold", 18)
    canvas.drawString(72, 760, "Tugboat charter")
    canvas.setFont("Helvetica", 11)
    for line, text in enumerate(("Anvils and rockets are delivered on Tuesdays.",
                                 "Invoices are paid within thirty days.")):  # fmt: skip
        canvas.drawString(72, 720 - 20 * line, text)
    canvas.showPage()
    canvas.setFont("Helvetica-Bold", 14)
    canvas.drawString(72, 760, "7 Term and termination")
    canvas.setFont("Helvetica", 11)
    canvas.drawString(72, 730, SENTENCE)
    canvas.drawString(72, 710, "Questions go to wile@acme.example.")
    canvas.showPage()
    canvas.save()
    return target.getvalue()


def _file(name: str, data: bytes) -> FilePayload:
    return {"name": name, "mimeType": "application/octet-stream", "buffer": data}


def _sign_in(page: Page, site: Site, host: str) -> None:
    page.goto(site.at(host))
    page.get_by_label("Username").fill("demo")
    page.get_by_label("Password").fill(site.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name=DOCUMENTS, exact=True)).to_be_visible()


def _row(page: Page, filename: str) -> str:
    return f"tr[data-document]:has-text('{filename}')"


def _ask(page: Page, site: Site, host: str, question: str = QUESTION) -> None:
    page.goto(site.at(host, "/search/"))
    page.get_by_label("What do you want to know?").fill(question)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/search/[0-9a-f-]{36}/"))


@pytest.fixture(scope="module")
def searchable(browser: Browser, site: Site, shots: Path) -> Iterator[None]:
    """Acme's charter, handed in by dropping files on the form, followed until searchable."""
    context = browser.new_context()
    page = context.new_page()
    _sign_in(page, site, "acme")
    page.screenshot(path=shots / "documents-empty.png", full_page=True)
    page.get_by_label("Add documents").set_input_files(
        [
            _file("tugboat-charter.pdf", charter()),
            _file(HOSTILE, b"Rockets burn."),
            _file("nil.txt", b""),
        ]
    )
    uploads = page.locator(".upload")
    expect(uploads).to_have_count(3)
    expect(uploads.nth(0)).to_contain_text("Received")
    expect(uploads.nth(1)).to_contain_text(HOSTILE)
    expect(uploads.nth(2)).to_contain_text("EMPTY_FILE")
    expect(page.locator("[data-summary]")).to_have_text(
        "3 of 3 files sent, 2 taken in, 1 not taken in."
    )
    page.screenshot(path=shots / "documents-uploading.png", full_page=True)
    # No reload from here: the page follows by itself.
    row = page.locator(_row(page, "tugboat-charter.pdf"))
    expect(row.locator("[data-badge]")).to_have_text("Searchable", timeout=UNTIL_SEARCHABLE_MS)
    expect(row.locator(".stage[data-state=done]")).to_have_count(6)
    page.screenshot(path=shots / "documents.png", full_page=True)
    yield
    context.close()


@pytest.mark.usefixtures("searchable")
def test_a_question_leads_to_the_marked_passage(site: Site, new_page: NewPage, shots: Path) -> None:
    page = new_page()
    _sign_in(page, site, "acme")
    _ask(page, site, "acme")
    assert "notice" not in page.url
    first = page.locator(".hit").first
    expect(first).to_contain_text("forty-two days of written notice")
    expect(first).to_contain_text("page 2")
    thumbnail = first.locator(".hit__page img")
    expect(thumbnail).to_be_visible()
    assert _width(thumbnail) > 100
    first.get_by_text("Proof", exact=True).click()
    first.get_by_role("button", name="Verify").click()
    expect(first).to_contain_text("The proof holds.")
    expect(first.locator(".tick")).to_have_count(5)
    page.screenshot(path=shots / "search.png", full_page=True)

    results = page.url
    first.get_by_role("link", name="Show in the document").click()
    image = page.locator("[data-page-image]")
    expect(image).to_have_attribute("data-marked", re.compile("[0-9a-f-]{36}"))
    assert _width(image) > 300
    assert _differs_from_the_plain_page(page)
    expect(page.locator("mark")).to_contain_text("forty-two days")
    page.screenshot(path=shots / "document.png", full_page=True)

    page.go_back()
    assert page.url == results
    expect(page.locator(".hit").first).to_contain_text("forty-two days of written notice")
    expect(page.get_by_label("What do you want to know?")).to_have_value(QUESTION)


def _width(image: Locator) -> int:
    """The width in pixels of what an image shows, once it is loaded; fails if it cannot be."""
    return int(image.evaluate("image => image.decode().then(() => image.naturalWidth)"))


def _differs_from_the_plain_page(page: Page) -> bool:
    """Whether the page's image has the mark: the same page without it looks otherwise."""
    return bool(
        page.evaluate(
            """async () => {
                const address = document.querySelector('[data-page-image]').src;
                const bytes = async (url) =>
                    new Uint8Array(await (await fetch(url)).arrayBuffer()).join();
                return (await bytes(address)) !== (await bytes(address.split('?')[0]));
            }"""
        )
    )


@pytest.mark.usefixtures("searchable")
def test_the_other_tenant_sees_nothing_of_it(site: Site, new_page: NewPage) -> None:
    page = new_page()
    _sign_in(page, site, "globex")
    expect(page.locator("body")).not_to_contain_text("tugboat-charter.pdf")
    _ask(page, site, "globex")
    expect(page.locator("body")).not_to_contain_text("forty-two")
    page.goto(site.at("globex", "/receipts/"))
    expect(page.locator("body")).not_to_contain_text("tugboat-charter.pdf")


@pytest.mark.usefixtures("searchable")
def test_hostile_names_and_personal_data_do_no_harm(site: Site, new_page: NewPage) -> None:
    page = new_page()
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    _sign_in(page, site, "acme")
    page.get_by_role("link", name=HOSTILE).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE)
    assert page.locator("img[src='x']").count() == 0
    _ask(page, site, "acme", "Whom do I write with questions?")
    expect(page.locator(".hits")).to_contain_text("[REDACTED:EMAIL]")
    expect(page.locator("body")).not_to_contain_text("wile@acme.example")


@pytest.mark.usefixtures("searchable")
def test_without_javascript_everything_works(site: Site, new_page: NewPage) -> None:
    page = new_page(java_script_enabled=False)
    _sign_in(page, site, "acme")
    files = [_file("plain.txt", b"Rockets are kept in the shed."), _file("void.txt", b"")]
    page.locator("input[type=file]").set_input_files(files)
    page.get_by_role("button", name="Upload").click()
    expect(page.locator("body")).to_contain_text("1 of 2 files taken in.")
    expect(page.locator("tr", has_text="void.txt")).to_contain_text("Rejected")
    _ask(page, site, "acme")
    page.locator(".hit summary").first.click()
    page.get_by_role("button", name="Verify").first.click()
    expect(page.get_by_role("heading", name="The proof holds")).to_be_visible()


@pytest.mark.usefixtures("searchable")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_a_narrow_screen(site: Site, new_page: NewPage, shots: Path, scheme: str) -> None:
    page = new_page(viewport={"width": 360, "height": 740}, color_scheme=scheme)
    _sign_in(page, site, "acme")
    document = page.locator("tr[data-document] a").first.get_attribute("href") or ""
    _ask(page, site, "acme")
    for number, path in enumerate((page.url, "/", document, "/receipts/", "/upload/")):
        page.goto(path if path.startswith("http") else site.at("acme", path))
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 360, path
        page.screenshot(path=shots / f"narrow-{scheme}-{number}.png", full_page=True)


def test_the_keyboard_suffices(site: Site, new_page: NewPage) -> None:
    page = new_page()
    page.goto(site.at("acme", "/login/"))
    page.keyboard.type("demo")
    page.keyboard.press("Tab")
    page.keyboard.type(site.password)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=DOCUMENTS, exact=True)).to_be_visible()
    page.keyboard.press("Tab")
    assert _focused(page) == "Skip to the content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "id_files"


def _focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.textContent"))


def test_an_operator_runs_the_console(site: Site, new_page: NewPage, shots: Path) -> None:
    page = new_page()
    page.goto(site.at(""))
    page.screenshot(path=shots / "front.png", full_page=True)
    page.get_by_role("link", name="Operators: sign in").click()
    page.get_by_label("Username").fill("operator")
    page.get_by_label("Password").fill(site.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Tenants")).to_be_visible()
    page.screenshot(path=shots / "console.png", full_page=True)
    page.get_by_role("link", name="Acme").first.click()
    page.get_by_role("link", name="Issue a key").click()
    page.get_by_label("Name").fill("For the browser test")
    page.get_by_role("button", name="Issue").click()
    expect(page.locator("[data-secret]")).to_contain_text("fb_acme_")
    page.get_by_role("link", name="I have copied it").click()
    page.screenshot(path=shots / "console-tenant.png", full_page=True)
    page.get_by_role("button", name="Revoke For the browser test").click()
    expect(page.locator("tr", has_text="For the browser test")).to_contain_text("Revoked")
    page.get_by_role("link", name="Audit").click()
    page.screenshot(path=shots / "console-audit.png", full_page=True)
    expect(page.locator("tbody")).to_be_visible()
