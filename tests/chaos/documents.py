"""Small documents in six formats; no two have the same bytes."""

from collections.abc import Iterator
from itertools import cycle, islice
from typing import Final

from tests.samples.blocks import Grid, Heading, Items, Sample, Text
from tests.samples.builders import build

File = tuple[str, bytes]
FORMATS: Final = ("txt", "md", "csv", "html", "docx", "pdf")
_GOODS: Final = ("castings", "gaskets", "impellers", "bearings", "couplings")


def small_documents(label: str, count: int, *, formats: tuple[str, ...] = FORMATS) -> list[File]:
    """Return `count` files, their formats in turn; `label` is in each text, so no two are alike."""
    return list(islice(_documents(label, formats), count))


def _documents(label: str, formats: tuple[str, ...]) -> Iterator[File]:
    for number, suffix in enumerate(cycle(formats), 1):
        sample = _sample(f"{label}-{number:04d}", number, suffix)
        yield sample.path, build(sample)


def _sample(name: str, number: int, suffix: str) -> Sample:
    goods = _GOODS[number % len(_GOODS)]
    rows = tuple((f"{name}-{line}", goods, str(number * line)) for line in range(1, 4))
    return Sample(
        f"{name}.{suffix}",
        (
            Heading(1, f"Delivery note {name}"),
            Text(f"Note {name} lists {number * 7} {goods} for the workshop on pier {number % 97}."),
            Items((f"Order {name} was packed by hand", f"Crate {number} holds the {goods}")),
            Grid((("Line", "Goods", "Pieces"), *rows)),
            Text(f"Questions about {name} go to clerk{number}@harbour.example before Friday."),
        ),
        running_head=f"Delivery note {name}",
    )
