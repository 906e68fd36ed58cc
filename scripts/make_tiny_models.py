"""Make tiny checkpoints with random weights that a real vLLM serves: `make_tiny_models.py OUT [FAMILY…]`.

What they say is noise, with a leaning: quotes and brackets close soon, so that an answer that a schema constrains is
short. Their architecture is real (Qwen 3 and LLaMA with grouped-query attention, DeepSeek with latent
attention and mixture of experts), and so are tokenizer, chat template, thinking switch and tool format: everything but
the quality of the words can be tested with them. Each folder gets a LoRA adapter under `adapter/` too. Runs in the
servers' environment (torch, transformers, safetensors), under a minute for all three.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors.torch import save_file
from tiny_templates import MARKS, TEMPLATES
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    DeepseekV3Config,
    DeepseekV3ForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3ForCausalLM,
)

CONTEXT = 16_384
VOCABULARY = 2_048
RANK = 8
LEANING = 4.5
"""What is added to the logit of a token that closes something in JSON."""
TEXTS = ("*.md", "docs/*.md", "samples/*.md", "agents/*.py", "workflows/**/*.py")
"""This project's own text, from which the byte-level BPE learns its merges."""

GROUPED = {
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 32,
}
LATENT = {
    "hidden_size": 256,
    "intermediate_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
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
    "n_group": 2,
    "topk_group": 1,
}


def lines(root: Path) -> Iterator[str]:
    """The project's own text, line by line."""
    for pattern in TEXTS:
        for path in sorted(root.glob(pattern)):
            yield from path.read_text(encoding="utf-8").splitlines()


def tokenizer(family: str, root: Path) -> PreTrainedTokenizerFast:
    """A byte-level BPE with the family's special tokens and chat template."""
    pad, end, *_ = marks = MARKS[family]
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    special = [AddedToken(mark, special=True, normalized=False) for mark in marks]
    bpe.train_from_iterator(
        lines(root),
        trainers.BpeTrainer(
            vocab_size=VOCABULARY, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
        ),
    )
    made = PreTrainedTokenizerFast(tokenizer_object=bpe, pad_token=pad, eos_token=end, model_max_length=CONTEXT)
    made.chat_template = TEMPLATES[family]
    return made


def checkpoint(family: str, out: Path, root: Path) -> None:
    """Weights, config, tokenizer and one adapter in `out`."""
    words = tokenizer(family, root)
    words.save_pretrained(out)
    torch.manual_seed(0)
    size = {"vocab_size": len(words), "max_position_embeddings": CONTEXT, "eos_token_id": words.eos_token_id}
    if family == "qwen3":
        model = Qwen3ForCausalLM(Qwen3Config(**size, **GROUPED, tie_word_embeddings=False))
    elif family == "llama":
        model = LlamaForCausalLM(LlamaConfig(**size, **GROUPED))
    else:
        model = DeepseekV3ForCausalLM(DeepseekV3Config(**size, **LATENT))
    lean(model, words)
    model.to(torch.bfloat16).save_pretrained(out)
    if family == "deepseek":  # DeepSeek's own config says how experts are scored; vLLM makes the routing bias by it
        path = out / "config.json"
        told = json.loads(path.read_text()) | {"topk_method": "noaux_tc", "scoring_func": "sigmoid"}
        path.write_text(json.dumps(told, indent=1))
    else:
        adapter(out / "adapter", str(out))


def lean(model: PreTrainedModel, words: PreTrainedTokenizerFast) -> None:
    """Give every token the same large first component, which the norm leaves at about √width, and let the output layer
    read it for the tokens that only close: a bias, in a model that has none."""
    closing = [number for text, number in words.get_vocab().items() if set(text) <= set('"]}')]
    width = model.config.hidden_size
    with torch.no_grad():
        model.get_input_embeddings().weight[:, 0] = 1.0
        output = model.get_output_embeddings().weight
        output[:, 0] = 0.0
        output[closing, 0] = LEANING / width**0.5


def adapter(out: Path, of: str) -> None:
    """A LoRA adapter of rank 8 on the query and value projections, in the format of PEFT."""
    out.mkdir(exist_ok=True)
    hidden, heads, kv_heads, head = (
        GROUPED[key] for key in ("hidden_size", "num_attention_heads", "num_key_value_heads", "head_dim")
    )
    tensors: dict[str, torch.Tensor] = {}
    for layer in range(GROUPED["num_hidden_layers"]):
        for name, wide in (("q_proj", heads * head), ("v_proj", kv_heads * head)):
            place = f"base_model.model.model.layers.{layer}.self_attn.{name}"
            tensors[f"{place}.lora_A.weight"] = torch.randn(RANK, hidden, dtype=torch.bfloat16)
            tensors[f"{place}.lora_B.weight"] = torch.randn(wide, RANK, dtype=torch.bfloat16)
    save_file(tensors, out / "adapter_model.safetensors")
    told = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": of,
        "r": RANK,
        "lora_alpha": 2 * RANK,
        "target_modules": ["q_proj", "v_proj"],
        "bias": "none",
    }
    (out / "adapter_config.json").write_text(json.dumps(told, indent=1))


def main() -> None:
    """Make the models that are asked for, all three by default."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("out", type=Path)
    asked.add_argument("families", nargs="*", metavar="FAMILY", help=", ".join(MARKS))
    told = asked.parse_args()
    if strange := set(told.families) - set(MARKS):
        asked.error(f"no such family: {', '.join(sorted(strange))}; there are {', '.join(MARKS)}")
    for family in told.families or MARKS:
        out = told.out / f"tiny-{family}"
        checkpoint(family, out, Path(__file__).parent.parent)
        print(out)


if __name__ == "__main__":
    main()
