"""The encoder of Devlin et al. 2018 (BERT, arXiv:1810.04805), for inference on a CPU.

Sixty lines in place of a library: importing transformers costs this process 230 MB and three
seconds, the web server and every worker pay it, and a forward pass is all that is used of it. The
tests compare the vectors with those of sentence-transformers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from processing.embedders.torch_compat import load_torch

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = load_torch()

from torch.nn import functional as F  # noqa: N812 - the name that every torch program uses


@dataclass(frozen=True, slots=True)
class Linear:
    """A matrix and its bias; the product is computed, and returned, in their precision."""

    weight: "Tensor"
    bias: "Tensor"

    def __call__(self, x: "Tensor") -> "Tensor":
        return F.linear(x.to(self.weight.dtype), self.weight, self.bias)


@dataclass(frozen=True, slots=True)
class Norm:
    """Layer normalisation in float32."""

    weight: "Tensor"
    bias: "Tensor"
    eps: float

    def __call__(self, x: "Tensor") -> "Tensor":
        return F.layer_norm(x.float(), self.weight.shape, self.weight, self.bias, self.eps)


@dataclass(frozen=True, slots=True)
class Layer:
    """Self-attention and feed-forward, each with its residual and norm after it."""

    heads: int
    query_key_value: Linear
    attended: Linear
    attended_norm: Norm
    widen: Linear
    narrow: Linear
    narrow_norm: Norm

    def __call__(self, x: "Tensor") -> "Tensor":
        batch, length, width = x.shape
        parts = self.query_key_value(x).view(batch, length, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value).transpose(1, 2)
        x = self.attended_norm(x + self.attended(mixed.reshape(batch, length, width)))
        return self.narrow_norm(x + self.narrow(F.gelu(self.widen(x))))


@dataclass(frozen=True, slots=True)
class Encoder:
    """Token ids to one vector a token. All texts of a batch have the same length: no mask."""

    words: "Tensor"
    places: "Tensor"
    norm: Norm
    layers: tuple[Layer, ...]

    def __call__(self, ids: "Tensor") -> "Tensor":
        """Return the last hidden states, (batch, length, width) float32, of (batch, length) ids."""
        x = self.norm(F.embedding(ids, self.words) + self.places[: ids.shape[1]])
        for layer in self.layers:
            x = layer(x)
        return x

    @classmethod
    def from_weights(
        cls,
        weights: "Mapping[str, Tensor]",
        *,
        layers: int,
        heads: int,
        eps: float,
        precision: "torch.dtype",
    ) -> Self:
        """Build from the float32 tensors of a checkpoint, named as transformers names them.

        Matrix products get the given precision; sums and norms keep float32. Raises `KeyError`
        for a tensor that is not there.
        """
        source = _Weights(weights, eps, precision)
        return cls(
            words=weights["embeddings.word_embeddings.weight"],
            # Every token is of the first type: its vector is added once, here.
            places=weights["embeddings.position_embeddings.weight"]
            + weights["embeddings.token_type_embeddings.weight"][0],
            norm=source.norm("embeddings.LayerNorm"),
            layers=tuple(source.layer(f"encoder.layer.{n}", heads) for n in range(layers)),
        )


@dataclass(frozen=True, slots=True)
class _Weights:
    tensors: "Mapping[str, Tensor]"
    eps: float
    precision: "torch.dtype"

    def linear(self, *names: str) -> Linear:
        """Return one matrix, or several of the same input as one."""
        return Linear(
            torch.cat([self.tensors[f"{name}.weight"] for name in names]).to(self.precision),
            torch.cat([self.tensors[f"{name}.bias"] for name in names]).to(self.precision),
        )

    def norm(self, name: str) -> Norm:
        return Norm(self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"], self.eps)

    def layer(self, name: str, heads: int) -> Layer:
        attention = f"{name}.attention.self"
        return Layer(
            heads=heads,
            query_key_value=self.linear(*(f"{attention}.{n}" for n in ("query", "key", "value"))),
            attended=self.linear(f"{name}.attention.output.dense"),
            attended_norm=self.norm(f"{name}.attention.output.LayerNorm"),
            widen=self.linear(f"{name}.intermediate.dense"),
            narrow=self.linear(f"{name}.output.dense"),
            narrow_norm=self.norm(f"{name}.output.LayerNorm"),
        )
