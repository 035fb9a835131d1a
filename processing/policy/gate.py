"""What a policy gate is."""

from collections.abc import Callable
from dataclasses import dataclass

from processing.canonical import ParsedDocument
from processing.payloads import Finding, GateResult
from tenants.configuration import TenantConfiguration


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one gate found and decided; findings do not overlap and are in reading order."""

    result: GateResult
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A named judgement over the whole document, made before anything of it is embedded.

    `judge` returns a verdict or raises `PolicyBlockedError`; anything else that it raises means
    that it could not run, and the document does not pass.
    """

    name: str
    judge: Callable[[ParsedDocument, TenantConfiguration], Verdict]
