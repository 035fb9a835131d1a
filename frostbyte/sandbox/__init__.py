"""Work on untrusted bytes, done where a crash, a loop or a memory bomb hurts nothing else.

`sandboxed("package.module:function", ..., files=[stream], limits=Limits(...))` runs the function in
a process of its own, made for this one call, and returns what it returns. See `calling`.
"""

from frostbyte.sandbox.calling import sandboxed
from frostbyte.sandbox.errors import (
    SandboxCrashedError,
    SandboxError,
    SandboxMemoryError,
    SandboxTimeoutError,
    SandboxUnavailableError,
)
from frostbyte.sandbox.limits import Limits

__all__ = [
    "Limits",
    "SandboxCrashedError",
    "SandboxError",
    "SandboxMemoryError",
    "SandboxTimeoutError",
    "SandboxUnavailableError",
    "sandboxed",
]
