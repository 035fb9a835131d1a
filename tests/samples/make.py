"""Writes the samples: `python -m tests.samples.make`; with `--golden` their canonical JSON too."""

import argparse
import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Final

from tests.samples.acme import ACME
from tests.samples.builders import build
from tests.samples.globex import GLOBEX

FOLDER: Final = Path(__file__).parent
GOLDEN: Final = FOLDER / "golden"
QUESTIONS: Final = "questions.jsonl"
MEDIA_TYPES: Final = {
    ".pdf": "application/pdf",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".csv": "text/csv",
    ".html": "text/html",
    ".txt": "text/plain",
    ".md": "text/markdown",
}
ORGANISATIONS: Final = (ACME, GLOBEX)


def files() -> Iterator[tuple[str, bytes]]:
    """Yield the path under the samples' folder and the bytes of every file."""
    for organisation in ORGANISATIONS:
        for sample in organisation.samples:
            yield sample.path, build(sample)
    questions = [question for organisation in ORGANISATIONS for question in organisation.questions]
    lines = (json.dumps(asdict(question)) for question in questions)
    yield QUESTIONS, "".join(f"{line}\n" for line in lines).encode()


def golden_path(path: str) -> Path:
    """Return where the canonical JSON of a sample is kept."""
    return GOLDEN / f"{path.replace('/', '-')}.json"


def canonical_of(path: str, data: bytes) -> bytes:
    """Parse a sample and return its canonical JSON, indented for people who compare versions."""
    from io import BytesIO

    import msgspec

    from frostbyte.kernel.hashing import sha256_hex
    from processing.canonical import encode
    from processing.parsers import parse_document
    from processing.ports import ParseContext

    name = Path(path)
    context = ParseContext(
        raw_sha256=sha256_hex(data), media_type=MEDIA_TYPES[name.suffix], filename=name.name
    )
    document = parse_document(BytesIO(data), context=context)
    return msgspec.json.format(encode(document), indent=1) + b"\n"


def main() -> None:
    """Write all files, and the golden ones when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--golden", action="store_true", help="write the canonical JSON as well")
    golden = parser.parse_args().golden
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "frostbyte.settings.test")
    for path, data in files():
        target = FOLDER / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        if golden and path != QUESTIONS:
            GOLDEN.mkdir(exist_ok=True)
            golden_path(path).write_bytes(canonical_of(path, data))


if __name__ == "__main__":
    main()
