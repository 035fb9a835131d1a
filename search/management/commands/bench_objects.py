"""`manage.py bench_objects SLUG`: what sealing adds to the object store's own time."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from search.benchmark.objects import measure_objects
from tenants.selectors import tenant_get


class Command(BaseCommand):
    help = (
        "Write and read objects in a tenant's bucket, sealed as they always are and plain, turn "
        "by turn, and print the medians and their ratio. What was written is removed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--rounds", type=int, default=100, help="of small objects; large: 1/20")

    def handle(self, *, slug: str, rounds: int, **_options: Any) -> None:
        self.stdout.write(f"{'':<12}{'sealed':>12}{'plain':>12}{'ratio':>8}")
        for cost in measure_objects(tenant=tenant_get(slug=slug), rounds=rounds):
            self.stdout.write(
                f"{cost.name:<12}{cost.sealed_ms:>9.1f} ms{cost.plain_ms:>9.1f} ms"
                f"{cost.ratio:>8.2f}"
            )
