"""The machine that the figures come from."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Final

import psutil

from processing.embedders import get_embedder
from processing.embedders.torch_compat import usable_cores

_PACKAGES: Final = ("torch", "spacy", "presidio-analyzer", "pypdfium2")


def machine_description() -> dict[str, str]:
    """Return processor, memory, system, versions, and how the embedding model computes."""
    embedder = get_embedder()
    return {
        "processor": f"{_processor()}, {usable_cores()} cores",
        "memory": f"{psutil.virtual_memory().total / 1024**3:.0f} GB",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "packages": ", ".join(f"{name} {version(name)}" for name in _PACKAGES),
        "embedding": f"{embedder.model_id} in {getattr(embedder, 'precision', 'float32')}",
        "load": f"{os.getloadavg()[0]:.1f} processes wanted to run in the minute before",
    }


def _processor() -> str:
    """Return the processor's name; Python itself knows only its architecture."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    names = {key.strip(): value.strip() for key, value in fields.items()}
    return names.get("model name") or platform.processor() or platform.machine()
