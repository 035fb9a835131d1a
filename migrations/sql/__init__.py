"""SQL that the ORM cannot say: roles, policies, triggers. Run by numbered migrations."""

from pathlib import Path

from django.db.migrations import RunSQL


def run_sql(name: str, reverse: str) -> RunSQL:
    """Return the operation that runs `migrations/sql/<name>.sql` whole, and its reverse."""
    forward = Path(__file__).with_name(f"{name}.sql").read_text()
    return RunSQL([forward], [reverse])
