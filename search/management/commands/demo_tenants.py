"""`manage.py demo_tenants`: two organisations to try things with, never on a public host."""

import os
import secrets
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand

from frostbyte.settings.env import PROJECT_DIR
from intake.services import document_receive
from tenants.access.people import operator_create, staff_create
from tenants.access.roles import TENANT_ADMIN
from tenants.context import tenant_context
from tenants.lifecycle.provisioning import tenant_provision
from tenants.models import Tenant

TENANTS: Final = {"acme": "Acme Industrial Supplies", "globex": "Globex Health Research"}
SAMPLES: Final = PROJECT_DIR / "tests" / "samples"
USERNAME: Final = "demo"
OPERATOR: Final = "operator"


class Command(BaseCommand):
    help = (
        "Create the demo tenants acme and globex with a staff user 'demo' each, and a platform "
        "user 'operator', and hand in the sample documents of each. The password is made at the "
        "first run and kept in the home folder."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--quiet", action="store_true", help="print nothing")

    def handle(self, *, quiet: bool, **_options: Any) -> None:
        password = demo_password()
        for slug, name in TENANTS.items():
            _ensure_tenant(slug, name, password)
        if not User.objects.filter(username=OPERATOR).exists():
            operator_create(username=OPERATOR, password=password)
        if not quiet:
            self.stdout.write(f"{', '.join(TENANTS)}: sign in as {USERNAME} / {password}")
            self.stdout.write(f"console: sign in as {OPERATOR} / {password}")


def demo_password() -> str:
    """Return the demo users' password, made at the first call and kept beside the secrets."""
    path = Path(settings.FROSTBYTE_HOME) / "demo-password"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(f"demo-{secrets.token_hex(4)}")
    return path.read_text().strip()


def sample_files(slug: str, samples: Path = SAMPLES) -> list[Path]:
    """Return a demo tenant's sample documents; none where the samples are not installed."""
    folder = samples / slug
    return sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []


def _hand_in_samples(tenant: Tenant) -> None:
    with tenant_context(tenant):
        for path in sample_files(tenant.slug):
            with path.open("rb") as stream:
                document_receive(tenant=tenant, filename=path.name, stream=stream, actor=USERNAME)


def _ensure_tenant(slug: str, name: str, password: str) -> None:
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        tenant = tenant_provision(slug=slug, name=name, actor=USERNAME)
        _hand_in_samples(tenant)
    with tenant_context(tenant):
        known = User.objects.filter(username=USERNAME).exists()
    if not known:
        staff_create(tenant=tenant, username=USERNAME, password=password, role=TENANT_ADMIN)
