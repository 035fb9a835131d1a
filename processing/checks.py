"""What must hold of the pipeline before anything starts."""

from itertools import pairwise
from typing import Any

from django.core.checks import CheckMessage, Error

from processing.pipeline import PIPELINE


def check_pipeline(**_options: Any) -> list[CheckMessage]:
    """Report stages whose neighbours do not fit, or that share a name."""
    errors: list[CheckMessage] = [
        Error(
            f"Stage '{after.name}' takes {after.input_type.__name__}, "
            f"stage '{before.name}' returns {before.output_type.__name__}.",
            id="processing.E001",
        )
        for before, after in pairwise(PIPELINE)
        if before.output_type is not after.input_type
    ]
    names = [stage.name for stage in PIPELINE]
    if len(set(names)) != len(names):
        errors.append(Error("Two stages share a name.", id="processing.E002"))
    return errors
