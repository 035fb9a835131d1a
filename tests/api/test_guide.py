"""docs/api.md: its examples work as they stand, and its tables are those of the code."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

import search.proofs  # noqa: F401 - defines an error
from frostbyte.api.codes import Code, answer_codes, run_codes
from frostbyte.kernel.errors import FrostbyteError
from intake.models import Document
from processing.runner import run_advance
from processing.services import run_start
from tenants.context import tenant_context
from tenants.models import Tenant
from tests.api.conftest import Caller, KeyCaller, host_of

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "api.md"
FILES = {
    "policy.txt": b"Purchases above 5,000 euros are approved by the head of finance.\n",
    "plan.txt": b"Cranes are looked at every ninety days.\n",
    "empty.txt": b"",
}
# Errors that no caller meets: they are handled where they are raised.
INTERNAL = {
    "FOLDER_IN_USE",
    "BENCHMARK_FAILED",
    "HEALTH_CHECK_FAILED",
    "LEASE_LOST",
    "POOLING_PROXY",
    "PROOF_BROKEN",
}


@dataclass(frozen=True)
class Example:
    """One call of the guide: a curl command, and the status and code that it is said to answer."""

    command: str
    status: int
    code: str


def examples() -> list[Example]:
    """Return the calls of the guide in their order."""
    blocks = re.findall(r"```sh\n(curl .*?)\n# (\d{3}) ?(\w*)\n```", GUIDE.read_text(), re.DOTALL)
    return [Example(command, int(status), code) for command, status, code in blocks]


def run(example: Example, caller: Caller, variables: dict[str, str], proof: str) -> Any:
    """Make the call as curl would, on the test client; only options that the guide uses exist."""
    command = example.command.replace("\\\n", " ")
    for name, value in variables.items():
        command = command.replace(f"${name}", value)
    words = iter(shlex.split(command)[1:])
    address, headers, form, method = "", {}, dict[str, Any](), ""
    data: bytes | None = None
    for word in words:
        if word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word == "-F":
            name, _, value = next(words).partition("=")
            is_file, file = value.startswith("@"), value.removeprefix("@")
            form[name] = SimpleUploadedFile(file, FILES[file]) if is_file else value
        elif word == "-X":
            method = next(words)
        elif word == "--data-binary":
            data = FILES[next(words).removeprefix("@")]
        elif word == "-d":
            text = next(words)
            data = (proof if text == "@proof.json" else text).encode()
        else:
            assert not word.startswith("-"), word
            address = word
    parts = urlsplit(address)
    headers["Host"] = parts.netloc
    path = f"{parts.path}?{parts.query}"
    if data is not None or method:
        kind = headers.pop("Content-Type", "")
        method = method or "POST"
        return caller.generic(method, path, data or b"", content_type=kind, headers=headers)
    return caller.post(path, form, headers=headers) if form else caller.get(path, headers=headers)


def publish(tenant: Tenant, document_id: str) -> None:
    """Take the document through the pipeline, as the worker would."""
    with tenant_context(tenant):
        document = Document.objects.get(pk=document_id)
        run_advance(tenant=tenant, run_id=run_start(tenant=tenant, document=document).pk)


def test_every_example_of_the_guide_works(acme: Tenant, globex: Tenant, by_key: KeyCaller) -> None:
    variables = {"API": f"http://{host_of(acme)}:8000/api/v1", "KEY": by_key(acme).key}
    calls, proof = examples(), ""
    assert len(calls) >= 14
    for call in calls:
        response = run(call, Caller(), variables, proof)
        assert response.status_code == call.status, (call, response.content)
        answer = response.json() if response.content else {}
        assert answer.get("code", "") == call.code, call
        if response.status_code == 201:
            variables["UPLOAD"] = response["Location"]
        if response.status_code == 202:
            variables |= {"DOCUMENT_ID": answer["document_id"], "RECEIPT_ID": answer["id"]}
            publish(acme, answer["document_id"])
        if answer.get("hits"):
            proof = json.dumps(answer["hits"][0]["proof"])
        if "checks" in answer and "valid" in answer:
            assert answer["valid"] is True
        assert "results" not in answer or answer["results"], call


def test_the_example_of_a_problem_is_what_is_answered(acme: Tenant, by_key: KeyCaller) -> None:
    examples = map(json.loads, re.findall(r"```json\n(\{.*?)```", GUIDE.read_text(), re.DOTALL))
    told = next(example for example in examples if example.get("code") == "VALIDATION_ERROR")
    answered = by_key(acme).post_json("/api/v1/query", {"query_text": "a", "top_k": 0}).json()
    assert {**answered, "request_id": ""} == {**told, "request_id": ""}


def table(codes: Iterable[Code], *, with_status: bool) -> str:
    """Return the Markdown table of codes."""
    if with_status:
        rows = [f"| {code.status} | `{code.code}` | {code.meaning} |" for code in codes]
        return "\n".join(["| status | code | meaning |", "|---|---|---|", *rows])
    rows = [
        f"| `{code.code}` | {code.meaning} | {'yes' if code.retryable else ''} |" for code in codes
    ]
    return "\n".join(["| code | meaning | tried again |", "|---|---|---|", *rows])


@pytest.mark.parametrize("kind", ["answers", "runs"])
def test_the_tables_are_those_of_the_code(kind: str) -> None:
    codes = answer_codes() if kind == "answers" else run_codes()
    expected = table(codes, with_status=kind == "answers")
    begin, end = (f"<!-- codes of {kind}: {edge} -->" for edge in ("begin", "end"))
    told = GUIDE.read_text().split(begin)[1].split(end)[0].strip()
    assert told == expected, f"Put this between the marks in docs/api.md:\n{expected}"


def subclasses(kind: type[FrostbyteError]) -> set[type[FrostbyteError]]:
    """Return every class that derives from `kind`, at any distance."""
    children = set(kind.__subclasses__())
    return children.union(*(subclasses(child) for child in children))


def test_no_code_is_missing_from_the_tables() -> None:
    own = ("frostbyte.kernel.", "audit.", "tenants.", "intake.", "processing.", "search.")
    used = {kind.code for kind in subclasses(FrostbyteError) if kind.__module__.startswith(own)}
    known = {code.code for code in (*answer_codes(), *run_codes())}
    assert used - known - INTERNAL == set()


def test_an_outsider_checks_a_receipt_as_the_guide_says(
    acme: Tenant, globex: Tenant, by_key: KeyCaller, tmp_path: Path
) -> None:
    program = GUIDE.read_text().split("<!-- outsider: begin -->\n```python\n")[1].split("```")[0]
    for tenant in (acme, globex):
        caller = by_key(tenant)
        receipt = caller.hand_in("policy.txt", FILES["policy.txt"]).json()
        told = {"receipt": receipt, "keys": caller.get("/api/v1/receipts/keys").json()}
        told["forged"] = receipt | {"outcome": "rejected"}
        for name, document in told.items():
            (tmp_path / f"{name}.json").write_text(json.dumps(document))
        done = {
            name: subprocess.run(
                [sys.executable, "-c", program, f"{name}.json", "keys.json"],
                cwd=tmp_path,
                capture_output=True,
                text=True,
                check=False,
            )
            for name in ("receipt", "forged")
        }
        assert done["receipt"].stdout == "valid\n"
        assert "InvalidSignature" in done["forged"].stderr
