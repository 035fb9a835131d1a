"""Faults for a tenant's life: an act that fails before or after its work, and broken steps."""

from collections.abc import Callable

import pytest

from tenants.lifecycle import deprovisioning, provisioning
from tenants.lifecycle.provisioning import STEPS, Step
from tenants.models import Tenant

Act = Callable[[Tenant], None]


def before(_act: Act) -> Act:
    """Return the act made to fail before it does anything."""

    def broken(_tenant: Tenant) -> None:
        raise OSError("the disk is full")

    return broken


def after(act: Act) -> Act:
    """Return the act made to fail once it has done its work."""

    def broken(tenant: Tenant) -> None:
        act(tenant)
        raise OSError("the disk is full")

    return broken


def break_steps(monkeypatch: pytest.MonkeyPatch, change: Callable[[Step], Step]) -> None:
    """Put the steps, each changed, in the place of the real ones."""
    broken = tuple(change(step) for step in STEPS)
    monkeypatch.setattr(provisioning, "STEPS", broken)
    monkeypatch.setattr(deprovisioning, "STEPS", broken)
