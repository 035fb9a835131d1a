"""The figures, for people and for programs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from rich.table import Table

from processing.pipeline import STAGE_NAMES
from search.benchmark.measure import Measured

RATIO_TARGET: Final = 1.25
MEMORY_TARGET: Final = 1536.0
"""Megabytes of one worker process."""

_TITLES: Final = {"off": "gate off", "default": "default types", "all": "all ten types"}


def table(results: Sequence[Measured]) -> Table:
    """Return a column a mode, a row a figure."""
    made = Table("seconds", *(_TITLES[each.mode] for each in results), title="One document")
    for column in made.columns[1:]:
        column.justify = "right"
    for name in STAGE_NAMES:
        made.add_row(name, *(f"{each.stages[name]:.2f}" for each in results))
    rows = {
        "between stages": [f"{each.total - sum(each.stages.values()):.2f}" for each in results],
        "total": [f"{each.total:.2f}" for each in results],
        "models alone: embedding": [f"{each.floor_embedding:.2f}" for each in results],
        "models alone: names": [f"{each.floor_language_model:.2f}" for each in results],
        "total over models alone": [f"{each.ratio:.3f}" for each in results],
        "the same in processor time": [f"{each.cpu_ratio:.3f}" for each in results],
        "pages a second": [f"{each.pages_per_second:.1f}" for each in results],
        "passages": [f"{each.passages}" for each in results],
        "passages embedded a second": [
            f"{each.passages / each.floor_embedding:.1f}" for each in results
        ],
        "redactions": [f"{each.redactions}" for each in results],
        "worker's peak memory, MB": [f"{each.worker_peak:.0f}" for each in results],
        "the same with its parent, MB": [f"{each.worker_total_peak:.0f}" for each in results],
    }
    for title, values in rows.items():
        made.add_row(title, *values, end_section=title in {"between stages", "pages a second"})
    return made


def misses(results: Sequence[Measured]) -> list[str]:
    """Return the targets that were missed, in words."""
    slow = [
        f"{_TITLES[each.mode]}: total over models alone is {each.ratio:.3f}, not {RATIO_TARGET}"
        for each in results
        if each.ratio > RATIO_TARGET
    ]
    large = [
        f"{_TITLES[each.mode]}: the worker took {each.worker_peak:.0f} MB, over {MEMORY_TARGET:.0f}"
        for each in results
        if each.worker_peak > MEMORY_TARGET
    ]
    return slow + large


def as_json(
    results: Sequence[Measured], *, document: str, machine: Mapping[str, str], reference: float
) -> dict[str, Any]:
    """Return everything as plain values; times in seconds, memory in megabytes."""
    return {
        "document": document,
        "machine": dict(machine),
        "modes": [
            {
                **asdict(each),
                "floor": each.floor,
                "ratio": each.ratio,
                "cpu_ratio": each.cpu_ratio,
                "pages_per_second": each.pages_per_second,
            }
            for each in results
        ],
        "sentence_transformers_passages_per_second": reference,
        "targets_missed": misses(results),
    }
