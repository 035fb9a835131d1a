"""What Word's styles and numbering say about a paragraph: heading level, list label."""

import re
from dataclasses import dataclass, field
from typing import Final

from lxml import etree

W: Final = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
VAL: Final = f"{W}val"
_HEADING: Final = re.compile(r"heading (\d)")
_PLACE: Final = re.compile(r"%([1-9])")
_MAX_BASES: Final = 20
_LEVELS: Final = 9
_ROMAN: Final = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"),
    (50, "l"), (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip
_BULLET: Final = "•"
_MAX_NUMBER: Final = 5000


@dataclass(frozen=True, slots=True)
class ParagraphStyle:
    """Heading level (0 for a title, None for no heading), numbering reference, bold, caption."""

    level: int | None = None
    number: str | None = None
    depth: int = 0
    bold: bool = False
    caption: bool = False


class Styles:
    """The named paragraph styles of a document."""

    def __init__(self, root: etree._Element | None) -> None:
        elements = [] if root is None else root.iterchildren(f"{W}style")
        self._elements = {element.get(f"{W}styleId", ""): element for element in elements}
        self._known: dict[str, ParagraphStyle] = {}

    def get(self, style_id: str) -> ParagraphStyle:
        """Return what a style says, itself or through the styles it is based on."""
        if style_id not in self._known:
            self._known[style_id] = self._resolve(style_id)
        return self._known[style_id]

    def _resolve(self, style_id: str) -> ParagraphStyle:
        level = number = None
        depth, bold = 0, False
        names = []
        for element in self._with_bases(style_id):
            names.append((value(element.find(f"{W}name")) or "").lower())
            if level is None:
                level = _named_level(names[-1])
            if level is None:
                level = outline_level(element.find(f"{W}pPr"))
            found = numbering_of(element.find(f"{W}pPr"))
            if number is None and found:
                number, depth = found
            bold = bold or is_on(element.find(f"{W}rPr/{W}b"))
        caption = "caption" in names
        return ParagraphStyle(level, number, depth, bold, caption)

    def _with_bases(self, style_id: str) -> list[etree._Element]:
        chain: list[etree._Element] = []
        while style_id in self._elements and len(chain) < _MAX_BASES:
            chain.append(self._elements[style_id])
            style_id = value(chain[-1].find(f"{W}basedOn")) or ""
        return chain


@dataclass(slots=True)
class _Level:
    form: str = "decimal"
    text: str = ""
    start: int = 1


@dataclass(slots=True)
class _List:
    levels: dict[int, _Level] = field(default_factory=dict)
    counts: list[int | None] = field(default_factory=lambda: [None] * _LEVELS)


class Numbering:
    """The lists of a document; `label` counts on, so paragraphs are asked for in order."""

    def __init__(self, root: etree._Element | None) -> None:
        self._lists: dict[str, _List] = {}
        if root is None:
            return
        abstract = {
            element.get(f"{W}abstractNumId", ""): _List(_levels(element))
            for element in root.iterchildren(f"{W}abstractNum")
        }
        for element in root.iterchildren(f"{W}num"):
            base = abstract.get(value(element.find(f"{W}abstractNumId")) or "")
            if base is not None:
                self._lists[element.get(f"{W}numId", "")] = _overridden(element, base)

    def label(self, number: str, depth: int) -> str:
        """Count a paragraph of a list and return its label: `4.2`, `(b)`, a bullet, or nothing."""
        numbered = self._lists.get(number)
        depth = min(max(depth, 0), _LEVELS - 1)
        if numbered is None or depth not in numbered.levels:
            return _BULLET if numbered is None and number != "0" else ""
        counts = numbered.counts
        before = counts[depth]
        counts[depth] = numbered.levels[depth].start if before is None else before + 1
        counts[depth + 1 :] = [None] * (_LEVELS - depth - 1)
        return _label(numbered, depth)


def _levels(abstract: etree._Element) -> dict[int, _Level]:
    levels = {}
    for element in abstract.iterchildren(f"{W}lvl"):
        levels[integer(element.get(f"{W}ilvl"))] = _Level(
            value(element.find(f"{W}numFmt")) or "decimal",
            value(element.find(f"{W}lvlText")) or "",
            integer(value(element.find(f"{W}start")), 1),
        )
    return levels


def _overridden(element: etree._Element, base: _List) -> _List:
    """Return the list that a numbering stands for: one of its own where it starts anew."""
    starts = {
        integer(override.get(f"{W}ilvl")): integer(value(override.find(f"{W}startOverride")), 1)
        for override in element.iterchildren(f"{W}lvlOverride")
    }
    if not starts:
        return base
    return _List(
        {
            depth: _Level(level.form, level.text, starts.get(depth, level.start))
            for depth, level in base.levels.items()
        }
    )


def _label(numbered: _List, depth: int) -> str:
    level = numbered.levels[depth]
    if level.form == "bullet":
        return _BULLET

    def number_at(match: re.Match[str]) -> str:
        place = int(match.group(1)) - 1
        known = numbered.levels.get(place, level)
        count = numbered.counts[place]
        return _numeral(known.start if count is None else count, known.form)

    return "" if level.form == "none" else _PLACE.sub(number_at, level.text).strip()


def _numeral(number: int, form: str) -> str:
    """Return a number as the list writes it; unknown forms are written in digits."""
    if not 0 < number < _MAX_NUMBER:
        return str(number)
    if form in ("lowerLetter", "upperLetter"):
        letter = chr(ord("a") + (number - 1) % 26) * ((number - 1) // 26 + 1)
        return letter if form == "lowerLetter" else letter.upper()
    if form in ("lowerRoman", "upperRoman"):
        return _roman(number) if form == "lowerRoman" else _roman(number).upper()
    return f"{number:02d}" if form == "decimalZero" else str(number)


def _roman(number: int) -> str:
    numeral = ""
    for step, sign in _ROMAN:
        numeral += sign * (number // step)
        number %= step
    return numeral


def _named_level(name: str) -> int | None:
    """Return the level that a built-in style's name tells."""
    if name == "title":
        return 0
    match = _HEADING.fullmatch(name)
    return int(match.group(1)) if match else None


def outline_level(properties: etree._Element | None) -> int | None:
    """Return the heading level that paragraph properties set; Word counts from 0, 9 is none."""
    if properties is None:
        return None
    level = integer(value(properties.find(f"{W}outlineLvl")), _LEVELS)
    return level + 1 if 0 <= level < _LEVELS else None


def numbering_of(properties: etree._Element | None) -> tuple[str, int] | None:
    """Return list and depth that paragraph properties set."""
    reference = None if properties is None else properties.find(f"{W}numPr")
    if reference is None:
        return None
    number = value(reference.find(f"{W}numId"))
    return (number, integer(value(reference.find(f"{W}ilvl")))) if number else None


def is_on(element: etree._Element | None) -> bool:
    """Tell whether a switch such as bold or hidden is there and not switched off."""
    return element is not None and element.get(VAL) not in ("0", "false", "off", "none")


def value(element: etree._Element | None) -> str | None:
    """Return an element's `w:val`."""
    return None if element is None else element.get(VAL)


def integer(text: str | None, default: int = 0) -> int:
    """Return a number from an attribute, the default for what is none."""
    return int(text) if text and text.lstrip("-").isdecimal() and len(text) < 10 else default
