"""What a model takes of GPU memory: weights by precision, key-value cache by token, room to compute in."""

from typing import Final, Literal

from agents.model import Model

Precision = Literal["bf16", "fp8", "int4"]
PRECISIONS: Final[tuple[Precision, ...]] = ("bf16", "fp8", "int4")
BLOCK: Final = 16
"""Tokens of one block of vLLM's cache."""

_BITS: Final[dict[Precision, float]] = {"bf16": 16, "fp8": 8 + 32 / 128**2, "int4": 4 + 20 / 128}
"""Bits a weight, with its scales. fp8: one 32-bit scale for a block of 128 × 128 (DeepSeek-V3, arXiv 2412.19437,
section 3.3). int4: AWQ's 16-bit scale and 4-bit zero point for a group of 128 (arXiv 2306.00978)."""

_FIXED: Final = int(1.5 * 1024**3)
_BATCHED_TOKENS: Final = 8192
_SEQUENCES: Final = 256


def native_precision(model: Model) -> Precision:
    """The precision that the weights are published in."""
    return "fp8" if model.dtype == "float8" else "bf16"


def weight_bytes(model: Model, precision: Precision) -> int:
    """Bytes of all weights. Embeddings and output layer stay at 16 bits, as in the published FP8 and AWQ files."""
    embeddings = embedding_parameters(model)
    return int((model.parameters - embeddings) * _BITS[precision] / 8) + embeddings * 2


def embedding_parameters(model: Model) -> int:
    """Parameters of the input embedding and of the output layer, which may be the same."""
    return model.vocabulary * model.hidden_size * (1 if model.tied_embeddings else 2)


def cache_bytes_per_token(model: Model, *, tensor: int = 1, pipeline: int = 1, bytes_each: int = 2) -> int:
    """Bytes of cache that one token takes on each GPU, on the stage of the pipeline with most layers.

    GQA: 2 × layers × KV heads × head size × bytes (Ainslie et al., arXiv 2305.13245); tensor parallelism splits the
    heads, and repeats them where there are fewer heads than GPUs. MLA: layers × (KV rank + rope size) × bytes
    (DeepSeek-V2, arXiv 2405.04434, section 2.1.2); the one latent vector has no heads, so each GPU keeps it whole.
    """
    layers = -(-model.cached_layers // pipeline)
    attention = model.attention
    if attention.kind == "mla":
        return layers * ((attention.kv_rank or 0) + (attention.rope_size or 0)) * bytes_each
    return 2 * layers * -(-attention.kv_heads // tensor) * attention.head_size * bytes_each


def state_bytes_per_sequence(model: Model, *, tensor: int = 1, pipeline: int = 1) -> int:
    """Bytes on each GPU of the fixed state that linear attention keeps for a sequence; 0 for other models.

    Gated DeltaNet (arXiv 2412.06464): value heads × head size² in 32 bits, and the inputs of the convolution.
    """
    linear = model.linear_attention
    if linear is None:
        return 0
    layers = -(-(model.layers - linear.full_layers) // pipeline)
    recurrent = linear.value_heads * linear.head_size**2 * 4
    convolution = (2 * linear.key_heads + linear.value_heads) * linear.head_size * (linear.convolution - 1) * 2
    return layers * (recurrent + convolution) // tensor


def cache_tokens(available: int, bytes_per_token: int) -> int:
    """Tokens that fit, in whole blocks as vLLM allocates them."""
    return max(0, available) // bytes_per_token // BLOCK * BLOCK


def working_bytes(model: Model, *, tensor: int = 1) -> int:
    """Bytes that computing takes on each GPU: an estimate, where vLLM measures at start.

    1.5 GiB for the CUDA context, NCCL and graphs; activations of one batch of 8,192 tokens (four of the hidden size,
    two of the widest layer, 16 bits); and the logits of 256 sequences, 32 bits, twice.
    """
    experts = model.experts
    widest = max(model.intermediate_size, (experts.active + experts.shared) * experts.size if experts else 0)
    activations = _BATCHED_TOKENS * (4 * model.hidden_size + 2 * widest // tensor) * 2
    logits = _SEQUENCES * model.vocabulary * 4 * 2
    return _FIXED + activations + logits
