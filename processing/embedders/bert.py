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
    """A matrix and its bias."""

    weight: "Tensor"
    bias: "Tensor"

    def __call__(self, x: "Tensor") -> "Tensor":
        return F.linear(x, self.weight, self.bias)


@dataclass(frozen=True, slots=True)
class Norm:
    """Layer normalisation."""

    weight: "Tensor"
    bias: "Tensor"
    eps: float

    def __call__(self, x: "Tensor") -> "Tensor":
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, self.eps)


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

    def __call__(self, x: "Tensor", mask: "Tensor | None") -> "Tensor":
        batch, length, width = x.shape
        parts = self.query_key_value(x).view(batch, length, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        mixed = mixed.transpose(1, 2).reshape(batch, length, width)
        x = self.attended_norm(x + self.attended(mixed))
        return self.narrow_norm(x + self.narrow(F.gelu(self.widen(x))))


@dataclass(frozen=True, slots=True)
class Encoder:
    """Token ids to one vector a token."""

    words: "Tensor"
    places: "Tensor"
    norm: Norm
    layers: tuple[Layer, ...]

    def __call__(self, ids: "Tensor", attended: "Tensor | None" = None) -> "Tensor":
        """Return the last hidden states, shape (batch, length, width).

        `ids` has shape (batch, length); `attended` is true where a token counts, None for all.
        """
        x = self.norm(F.embedding(ids, self.words) + self.places[: ids.shape[1]])
        mask = None
        if attended is not None:
            lowest = torch.finfo(x.dtype).min
            mask = torch.zeros(attended.shape, dtype=x.dtype).masked_fill_(~attended, lowest)
            mask = mask[:, None, None, :]
        for layer in self.layers:
            x = layer(x, mask)
        return x

    @classmethod
    def from_weights(
        cls, weights: "Mapping[str, Tensor]", *, layers: int, heads: int, eps: float
    ) -> Self:
        """Build from the tensors of a checkpoint, named as transformers names them.

        Raises `KeyError` for a tensor that is not there.
        """
        source = _Weights(weights, eps)
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

    def linear(self, *names: str) -> Linear:
        """Return one matrix, or several of the same input as one."""
        return Linear(
            torch.cat([self.tensors[f"{name}.weight"] for name in names]),
            torch.cat([self.tensors[f"{name}.bias"] for name in names]),
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
