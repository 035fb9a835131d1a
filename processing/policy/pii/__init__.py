"""The gate against personal data: Presidio's recognisers, and a language model for names."""

from processing.policy.pii.gate import judge

__all__ = ["judge"]
