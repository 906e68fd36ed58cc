"""A model of one's own, described by the config.json of its folder: so that plans hold for fine-tuned sizes too."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from agents.model import Attention, Experts, Model
from agents.serving.memory import cache_bytes_per_token, cache_tokens
from agents.serving.served import CannotServe


def described(folder: Path, like: Model) -> Model:
    """The model in `folder`: its shape from config.json, everything else (licence, languages, parsers) from `like`, the
    catalogue's model of its family. Parameters are scaled by the layers, as the config does not tell them.

    Raises CannotServe for a folder without a config, or one that lacks a number.
    """
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        return _shaped(config, like)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CannotServe(f"{path} does not describe a {like.title}: {error!r}") from None


def cpu_cache_tokens(model: Model, cache_gib: int) -> int:
    """Tokens of the cache of a server on the CPU (VLLM_CPU_KVCACHE_SPACE), as it logs them at start."""
    return cache_tokens(cache_gib * 1024**3, cache_bytes_per_token(model))


def _shaped(config: Mapping[str, Any], like: Model) -> Model:
    heads = int(config["num_attention_heads"])
    attention = like.attention
    if attention.kind == "mla":
        ranks = {
            "q_rank": config["q_lora_rank"],
            "kv_rank": config["kv_lora_rank"],
            "rope_size": config["qk_rope_head_dim"],
            "nope_size": config["qk_nope_head_dim"],
            "value_size": config["v_head_dim"],
        }
        size = config["qk_rope_head_dim"] + config["qk_nope_head_dim"]
        attention = Attention("mla", heads=heads, kv_heads=heads, head_size=size, **ranks)
    else:
        kv_heads = int(config.get("num_key_value_heads") or heads)
        size = int(config.get("head_dim") or config["hidden_size"] // heads)
        attention = replace(attention, heads=heads, kv_heads=kv_heads, head_size=size)
    experts = like.experts
    if experts is not None:
        experts = Experts(
            count=config.get("n_routed_experts") or config["num_experts"],
            active=config["num_experts_per_tok"],
            shared=config.get("n_shared_experts") or 0,
            size=config["moe_intermediate_size"],
            dense_layers=config.get("first_k_dense_replace") or 0,
        )
    layers = int(config["num_hidden_layers"])
    return replace(
        like,
        layers=layers,
        hidden_size=config["hidden_size"],
        intermediate_size=config["intermediate_size"],
        vocabulary=config["vocab_size"],
        tied_embeddings=bool(config.get("tie_word_embeddings")),
        attention=attention,
        experts=experts,
        parameters=max(1, like.parameters * layers // like.layers),
        active_parameters=like.active_parameters and max(1, like.active_parameters * layers // like.layers),
        context=config["max_position_embeddings"],
        extended_context=None,
    )
