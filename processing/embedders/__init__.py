"""Models that turn text into vectors, by the name that a tenant's configuration uses."""

import importlib.util
import os
from collections import Counter
from threading import Lock
from typing import Any, Final

from django.core.checks import CheckMessage, Error
from django.utils.module_loading import import_string

from processing.errors import EmbeddingError
from processing.ports import Embedder
from tenants.configuration import EmbeddingModel

DEFAULT_MODEL: Final = EmbeddingModel.MINILM

EMBEDDERS: Final = ((DEFAULT_MODEL, "processing.embedders.minilm.MiniLM"),)
"""Model name and the class that is it, imported and loaded on first use."""

_loaded: dict[str, Embedder] = {}
_lock = Lock()


def get_embedder(name: str = DEFAULT_MODEL) -> Embedder:
    """Return this process's one instance of the model, loading it the first time.

    Raises `EmbeddingError` for a name that is not in the table, or a model that does not load.
    """
    with _lock:
        if name not in _loaded:
            _loaded[name] = import_string(_path_of(name))()
        return _loaded[name]


def _path_of(name: str) -> str:
    for known, path in EMBEDDERS:
        if known == name:
            return path
    raise EmbeddingError(
        f"There is no embedding model named '{name}'.",
        remediation=f"Configure one of: {', '.join(known for known, _ in EMBEDDERS)}.",
    )


def _forget() -> None:
    """Start afresh in a forked child: the parent's threads and locks did not come along."""
    global _lock  # noqa: PLW0603 - a held lock cannot be released from the child
    _lock = Lock()
    _loaded.clear()


os.register_at_fork(after_in_child=_forget)


def check_embedders(**_options: Any) -> list[CheckMessage]:
    """Report names that stand twice in the table, and modules that are not there."""
    names = Counter(name for name, _path in EMBEDDERS)
    errors: list[CheckMessage] = [
        Error(f"Two embedders are named '{name}'.", id="processing.E020")
        for name, count in names.items()
        if count > 1
    ]
    errors += [
        Error(f"Embedder '{name}' names a module that is not there: {path}.", id="processing.E021")
        for name, path in EMBEDDERS
        if importlib.util.find_spec(path.rpartition(".")[0]) is None
    ]
    errors += [
        Error(f"Embedder '{name}' can be configured and stands in no table.", id="processing.E022")
        for name in EmbeddingModel
        if name not in names
    ]
    return errors
