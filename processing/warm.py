"""Loading what the first piece of work would otherwise wait for."""

import threading
from collections.abc import Callable

from processing.embedders import get_embedder
from tenants.configuration import DEFAULT_PII_TYPES


def warm_up_questions() -> None:
    """Begin to load the embedding model, as a process that answers questions needs it."""
    _in_background(get_embedder)


def warm_up_pipeline() -> None:
    """Begin to load the embedding model and the rules for personal data, as a worker needs them."""
    _in_background(_load_pipeline)


def _load_pipeline() -> None:
    from processing.policy.pii.scan import scan

    get_embedder()
    scan("", DEFAULT_PII_TYPES)


def _in_background(load: Callable[[], object]) -> None:
    threading.Thread(target=load, name="warm-up", daemon=True).start()
