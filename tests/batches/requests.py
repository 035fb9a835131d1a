"""Requests that bring batches: manifests, and multipart bodies with their parts in order."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from frostbyte.kernel.hashing import sha256_hex

BATCHES: Final = "/api/v1/batches"
BOUNDARY: Final = "--a-boundary-4711"
MULTIPART: Final = f"multipart/form-data; boundary={BOUNDARY}"

Part = tuple[str, str, bytes]
"""Name, file name ('' for none) and content."""


def manifest_of(files: Mapping[str, bytes], /, **changes: Any) -> dict[str, Any]:
    """Return the manifest of files by name; ids are `f1`, `f2` and so on."""
    described = [
        {
            "file_id": f"f{at}",
            "filename": name,
            "mime_type": "text/plain",
            "size_bytes": len(data),
            "sha256": sha256_hex(data),
        }
        for at, (name, data) in enumerate(files.items(), start=1)
    ]
    return {"batch_id": "delivery-1", "file_count": len(files), "files": described, **changes}


def parts_of(files: Mapping[str, bytes], /, **changes: Any) -> list[Part]:
    """Return the parts of a whole batch: its manifest, then its files."""
    manifest = json.dumps(manifest_of(files, **changes)).encode()
    sent = [(f"f{at}", name, data) for at, (name, data) in enumerate(files.items(), start=1)]
    return [("manifest", "", manifest), *sent]


def body_of(parts: Iterable[Part]) -> bytes:
    """Return a multipart body with these parts in this order."""
    lines = []
    for name, filename, data in parts:
        told = f'; filename="{filename}"' if filename else ""
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{told}\r\n\r\n'
        lines.append(head.encode() + data + b"\r\n")
    return b"".join(lines) + f"--{BOUNDARY}--\r\n".encode()


def send(caller: Any, parts: Iterable[Part], **options: Any) -> Any:
    """POST the parts as one request."""
    return caller.post(BATCHES, body_of(parts), content_type=MULTIPART, **options)


def announce_by_json(caller: Any, files: Mapping[str, bytes], /, **changes: Any) -> Any:
    """POST the manifest alone."""
    return caller.post_json(BATCHES, manifest_of(files, **changes))
