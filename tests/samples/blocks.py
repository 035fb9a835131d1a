"""What a sample says, before it becomes a file of some format."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Heading:
    level: int
    text: str


@dataclass(frozen=True)
class Text:
    text: str


@dataclass(frozen=True)
class Items:
    items: tuple[str, ...]
    numbered: bool = False


@dataclass(frozen=True)
class Grid:
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""


@dataclass(frozen=True)
class NewPage:
    """A page break, in formats that have pages."""


Piece = Heading | Text | Items | Grid | NewPage


@dataclass(frozen=True)
class Sample:
    """A file to make: `path` under the samples' folder, its suffix tells the format."""

    path: str
    pieces: tuple[Piece, ...]
    running_head: str = ""
    unseen: str = ""
    """A script's text, for formats that can carry what no reader sees."""
    encoding: str = "utf-8"


@dataclass(frozen=True)
class Question:
    """A question to one tenant; `path` is None where only the other tenant knows the answer."""

    tenant: str
    query: str
    text_contains: str
    path: str | None = None
    page: int | None = None


@dataclass(frozen=True)
class Organisation:
    """One tenant's samples and the questions to ask of them."""

    samples: tuple[Sample, ...] = field(default=())
    questions: tuple[Question, ...] = field(default=())
