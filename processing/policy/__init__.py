"""The gates that a document passes before anything of it is embedded."""

from processing.policy.clearing import GATES, clear_document

__all__ = ["GATES", "clear_document"]
