"""Every file made by hand is refused with its own reason, or taken in; nothing breaks."""

import pytest

from intake.models import Outcome
from tenants.models import Tenant
from tests.conftest import Receive
from tests.hostile.cases import CASES, Case


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_hostile_file_is_told_what_it_is(
    acme: Tenant, globex: Tenant, receive: Receive, case: Case
) -> None:
    receipt = receive(acme, case.filename, case.make())
    if case.code:
        assert (receipt.code, receipt.reason) == (case.code, case.reason), receipt.message
    if receipt.outcome != Outcome.ACCEPTED:
        assert receipt.message
        assert receipt.remediation
        assert 400 <= receipt.http_status < 500
