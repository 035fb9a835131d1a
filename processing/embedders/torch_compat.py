"""The one door to torch: import it through here, before any library that brings models along.

It keeps the hub clients off the network, gives torch its threads, and makes torchvision
importable beside a torch that it was not built for.
"""

import importlib
import importlib.util
import os
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any, Final

OFFLINE_VARIABLES: Final = (
    "HF_HUB_OFFLINE",
    "TRANSFORMERS_OFFLINE",
    "HF_DATASETS_OFFLINE",
    "HF_HUB_DISABLE_TELEMETRY",
    "HF_HUB_DISABLE_PROGRESS_BARS",
)

CACHE_VARIABLES: Final = ("LRU_CACHE_CAPACITY", "ONEDNN_PRIMITIVE_CACHE_CAPACITY")
"""oneDNN keeps compiled kernels for every shape it has met, 1,024 of each kind: half a gigabyte
after a long document, whose batches have a shape for every length."""

_CACHED_KERNELS: Final = "32"

BFLOAT16_CAPABILITIES: Final = ("amx_bf16", "avx512_bf16", "arm_bf16")
"""Instructions with which bfloat16 products are faster than those of float32."""

_OPERATORS: Final = {
    name: f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
    for name in ("nms", "qnms")
}
_declared: list[Any] = []
"""Operator declarations live as long as the object that made them."""


def go_offline() -> None:
    """Tell the model hubs' clients, through their environment, never to use the network."""
    for name in OFFLINE_VARIABLES:
        os.environ[name] = "1"


def load_torch() -> ModuleType:
    """Return torch, offline and with one thread an operation.

    Batches side by side, each on one thread, are faster than one batch on all of them: nothing
    waits at the end of every operation.
    """
    go_offline()
    for name in CACHE_VARIABLES:
        os.environ.setdefault(name, _CACHED_KERNELS)
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)
    return torch


def declare_missing_operators() -> tuple[str, ...]:
    """Declare the operators of torchvision that its binary does not bring; return their names.

    A torchvision built for another torch fails at import without them, and takes transformers
    and everything above it along. Only its transforms are used, which need neither.
    """
    torch = load_torch()
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        return ()
    for library in Path(spec.origin).parent.glob("_C*.so"):
        with suppress(OSError):
            torch.ops.load_library(str(library))
    missing = tuple(name for name in _OPERATORS if not hasattr(torch.ops.torchvision, name))
    if missing:
        library = torch.library.Library("torchvision", "FRAGMENT")
        for name in missing:
            library.define(_OPERATORS[name])
        _declared.append(library)
    return missing


def has_fast_bfloat16() -> bool:
    """Say whether this CPU multiplies bfloat16 numbers in hardware."""
    capabilities = load_torch().cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in BFLOAT16_CAPABILITIES)


def usable_cores() -> int:
    """Return how many cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1
