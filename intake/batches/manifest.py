"""The manifest of a batch: what its sender says is coming, checked before anything is kept.

A fault here refuses the whole batch. What a file itself is, is for the checks of each file to say.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from frostbyte.kernel.hashing import canonical_json, sha256_hex
from intake.errors import (
    BatchTooLargeError,
    DuplicateFileIdError,
    FileCountMismatchError,
    ManifestInvalidError,
)
from intake.metadata.limits import breach_of
from intake.models import DEFAULT_COLLECTION, Priority
from tenants.naming import LABEL_LIMIT

MANIFEST_BYTES: Final = 16 * 1024 * 1024
"""Bytes of a manifest; ten thousand files with some metadata each need less."""
_DEPTH: Final = 16
_VALUES: Final = 500_000
_TOLD: Final = 20
_LARGEST: Final = 2**63 - 1
_REMEDY: Final = "Correct the manifest and send the whole batch again; nothing of it was kept."


def _printable(text: str) -> str:
    if not text.isprintable() or not text.strip():
        raise ValueError("Use characters that can be printed.")
    return text


def _priority(value: object) -> object:
    known = {level.name.lower(): level for level in Priority}
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"One of {', '.join(known)}.")
    return known[value]


Name = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_printable)]
"""An identifier that the sender chose: it is kept and told again, never put into a path."""


class ManifestFile(BaseModel):
    """One file as its sender describes it. `sha256` is of the bytes that are sent, in hex."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    file_id: Name
    filename: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    mime_type: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    size_bytes: Annotated[int, Field(ge=0, le=_LARGEST)]
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{64}$", to_lower=True)]
    metadata: dict[str, Any] = Field(default_factory=dict)


class Manifest(BaseModel):
    """What is coming: `batch_id` is the sender's own reference, unique in its collection."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    batch_id: Name
    file_count: Annotated[int, Field(ge=1)]
    files: Annotated[list[ManifestFile], Field(min_length=1)]
    collection: Annotated[str, StringConstraints(max_length=LABEL_LIMIT)] = DEFAULT_COLLECTION
    priority: Annotated[Priority, BeforeValidator(_priority)] = Priority.NORMAL

    @property
    def digest(self) -> str:
        """The SHA-256 of its canonical JSON (RFC 8785): every field, the priority by its name."""
        told = {**self.model_dump(mode="json"), "priority": self.priority.name.lower()}
        return sha256_hex(canonical_json(told))


def manifest_read(data: bytes, *, most_files: int) -> Manifest:
    """Return the manifest that the bytes are.

    Raises `ManifestInvalidError` with the breaches, `FileCountMismatchError`,
    `DuplicateFileIdError`, or `BatchTooLargeError` for more than `most_files`.
    """
    return manifest_of(_parsed(data), most_files=most_files)


def manifest_of(value: Any, *, most_files: int) -> Manifest:
    """Return the manifest that a JSON value is; raises what `manifest_read` does."""
    if breach := breach_of(
        value, most_bytes=MANIFEST_BYTES, most_depth=_DEPTH, most_values=_VALUES
    ):
        raise _invalid([{"field": "manifest", "constraint": breach}])
    _require_few(value, most_files)
    try:
        manifest = Manifest.model_validate(value)
    except ValidationError as error:
        raise _invalid(_breaches(error)) from error
    _require_count(manifest)
    _require_distinct([file.file_id for file in manifest.files])
    return manifest


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data, object_pairs_hook=_no_member_twice)
    except (ValueError, RecursionError) as error:
        raise _invalid(
            [{"field": "manifest", "constraint": "JSON in UTF-8, each member once."}]
        ) from error


def _no_member_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Readers differ on which of two members of one name counts; so there is to be one."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a member stands twice")
    return made


def _require_few(value: Any, most_files: int) -> None:
    files = value.get("files") if isinstance(value, dict) else None
    if isinstance(files, list) and len(files) > most_files:
        raise BatchTooLargeError(
            f"The manifest names {len(files)} files; a batch has at most {most_files}.",
            remediation="Split the batch, or ask the platform's operator for a higher limit.",
            extra={"files": len(files), "limit": most_files},
        )


def _require_count(manifest: Manifest) -> None:
    if manifest.file_count != len(manifest.files):
        raise FileCountMismatchError(
            f"The manifest says {manifest.file_count} files and names {len(manifest.files)}.",
            remediation=_REMEDY,
            extra={"file_count": manifest.file_count, "files": len(manifest.files)},
        )


def _require_distinct(file_ids: Sequence[str]) -> None:
    twice = [file_id for file_id, count in Counter(file_ids).items() if count > 1]
    if twice:
        raise DuplicateFileIdError(
            f"A file_id stands for one file; {len(twice)} stand for several.",
            remediation=_REMEDY,
            extra={"file_ids": twice[:_TOLD]},
        )


def _breaches(error: ValidationError) -> list[dict[str, str]]:
    """Return field and rule of each breach; values are not told, since metadata may be anything."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    return [
        {
            "field": ".".join(str(part)[:64] for part in fault["loc"])[:200] or "manifest",
            "constraint": fault["msg"],
        }
        for fault in faults[:_TOLD]
    ]


def _invalid(breaches: Sequence[Mapping[str, str]]) -> ManifestInvalidError:
    first = breaches[0]
    return ManifestInvalidError(
        f"The manifest cannot be taken: {first['field']}: {first['constraint']}",
        remediation=_REMEDY,
        extra={"errors": [dict(breach) for breach in breaches]},
    )
