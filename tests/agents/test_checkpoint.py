"""A folder's own model is planned by its config.json."""

import json
from pathlib import Path

import pytest

from agents.catalogue import catalogue
from agents.serving.checkpoint import cpu_cache_tokens, described
from agents.serving.memory import cache_bytes_per_token
from agents.serving.served import CannotServe

find = catalogue().find
GROUPED = {
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "vocab_size": 1024,
    "max_position_embeddings": 8192,
}
LATENT = {
    **GROUPED,
    "q_lora_rank": 64,
    "kv_lora_rank": 512,
    "qk_rope_head_dim": 64,
    "qk_nope_head_dim": 128,
    "v_head_dim": 128,
    "n_routed_experts": 8,
    "num_experts_per_tok": 2,
    "n_shared_experts": 1,
    "moe_intermediate_size": 64,
    "first_k_dense_replace": 1,
}


def written(folder: Path, config: dict[str, int]) -> Path:
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_grouped_and_latent_attention_are_read_from_the_config(tmp_path: Path) -> None:
    qwen = described(written(tmp_path, GROUPED), find("qwen3-0.6b"))
    assert cache_bytes_per_token(qwen) == 512
    assert cpu_cache_tokens(qwen, 1) == 2_097_152  # what vLLM logs (FACTS.md)
    assert (qwen.languages, qwen.reasoning_parser) == (find("qwen3-0.6b").languages, "qwen3")
    r1 = described(written(tmp_path, LATENT), find("deepseek-r1"))
    assert cache_bytes_per_token(r1) == 2304
    assert cpu_cache_tokens(r1, 1) == 466_032
    assert r1.experts is not None
    assert (r1.experts.count, r1.experts.dense_layers) == (8, 1)


def test_a_config_without_heads_of_its_own_size_or_kv_heads_takes_the_usual_ones(tmp_path: Path) -> None:
    config = {key: value for key, value in GROUPED.items() if key not in ("head_dim", "num_key_value_heads")}
    model = described(written(tmp_path, config), find("llama-2-7b"))
    assert (model.attention.kv_heads, model.attention.head_size) == (4, 32)


def test_a_config_that_tells_too_little_is_named(tmp_path: Path) -> None:
    with pytest.raises(CannotServe, match=r"config\.json does not describe a DeepSeek-R1: KeyError\('q_lora_rank'\)"):
        described(written(tmp_path, GROUPED), find("deepseek-r1"))
    with pytest.raises(CannotServe, match="No such file"):
        described(tmp_path / "nowhere", find("qwen3-8b"))
