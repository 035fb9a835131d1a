"""A real OpenID Connect provider on the loopback interface, in a process of its own."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from django.test import Client

from tenants.access.oidc.config import identity_provider_set
from tenants.access.roles import TENANT_USER
from tenants.models import Tenant

SECRET = "the-client-secret-of-the-tests"


def free_port() -> int:
    """A port of the loopback interface that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class Provider:
    """The provider, and what a person does in a browser at its pages."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer

    def person(self, sub: str, **claims: Any) -> str:
        """Make or change an account there, and return its name."""
        told = {"email": f"{sub}@example.com", "email_verified": True, **claims}
        requests.put(f"{self.issuer}/users/{sub}", json=told, timeout=5).raise_for_status()
        return sub

    def consent(self, address: str, sub: str) -> str:
        """Sign in there as `sub` at the address that we led to; return where that leads."""
        answer = requests.post(address, data={"sub": sub}, allow_redirects=False, timeout=5)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    def deny(self, address: str) -> str:
        """Refuse there; return where that leads."""
        answer = requests.post(address, data={"action": "deny"}, allow_redirects=False, timeout=5)
        return answer.headers["Location"]


@pytest.fixture(scope="session")
def provider() -> Iterator[Provider]:
    """A provider that asks for a nonce."""
    port = free_port()
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "oidc_provider_mock",
            "--port",
            str(port),
            "--require-nonce",
            "true",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    found = Provider(f"http://127.0.0.1:{port}")
    try:
        _wait_for(found.issuer, process)
        yield found
    finally:
        process.terminate()
        process.wait(timeout=10)


def _wait_for(issuer: str, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        try:
            requests.get(f"{issuer}/jwks", timeout=5).raise_for_status()
        except requests.RequestException:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the provider did not start")


Rewrite = Callable[[str, bytes], bytes]


class Between:
    """A server before the provider that changes what it answers.

    With `keep_host` the provider takes this server's name for its own.
    """

    def __init__(self, behind: str, rewrite: Rewrite, *, keep_host: bool) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._pass_on(None)

            def do_POST(self) -> None:
                self._pass_on(self.rfile.read(int(self.headers["Content-Length"])))

            def _pass_on(self, body: bytes | None) -> None:
                kept = ("Authorization", "Content-Type", *(("Host",) if keep_host else ()))
                headers = {name: self.headers[name] for name in kept if name in self.headers}
                answer = requests.request(
                    self.command, f"{behind}{self.path}", data=body, headers=headers,
                    allow_redirects=False, timeout=5,
                )  # fmt: skip
                content = rewrite(urlsplit(self.path).path, answer.content)
                self.send_response(outer.status.get(self.path, answer.status_code))
                self.send_header("Content-Type", answer.headers["Content-Type"])
                leads_to = answer.headers.get("Location", f"{behind}{self.path}")
                self.send_header("Location", leads_to)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_args: object) -> None:
                """Say nothing."""

        self.status: dict[str, int] = {}
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Stop answering."""
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def between(provider: Provider) -> Iterator[Callable[..., Between]]:
    """A function that puts a server before the provider."""
    made: list[Between] = []

    def _between(rewrite: Rewrite, *, keep_host: bool = False) -> Between:
        made.append(Between(provider.issuer, rewrite, keep_host=keep_host))
        return made[-1]

    yield _between
    for each in made:
        each.stop()


def configure(tenant: Tenant, issuer: str, **values: Any) -> Tenant:
    """Let the tenant's people sign in by the provider; unknown ones become users unless said."""
    given = {
        "name": "Example ID",
        "issuer": issuer,
        "client_id": f"frostbyte-{tenant.slug}",
        "client_secret": SECRET,
        "default_role": TENANT_USER,
        **values,
    }
    return identity_provider_set(tenant=tenant, values=given, actor="tester")


def browser(tenant: Tenant) -> Client:
    """A browser at the tenant's pages."""
    return Client(headers={"host": f"{tenant.slug}.localhost"})


def begin(client: Client, path: str = "/oidc/login/") -> str:
    """Click the button; return the address at the provider."""
    answer = client.get(path)
    assert answer.status_code == 302, answer.content
    return str(answer.headers["Location"])


def come_back(client: Client, address: str) -> Any:
    """Follow the provider's answer to our pages."""
    parts = urlsplit(address)
    return client.get(f"{parts.path}?{parts.query}")


def sign_in(client: Client, provider: Provider, sub: str) -> Any:
    """Walk the whole way, and return the answer at its end."""
    return come_back(client, provider.consent(begin(client), sub))
