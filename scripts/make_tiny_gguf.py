"""Make a tiny Qwen 3 with random weights that a real llama.cpp serves: `make_tiny_gguf.py OUT.gguf`.

What it says is noise, with a leaning as in make_tiny_models.py; its architecture, chat template, thinking switch and
tool format are real. The file is written here byte by byte, so that nothing but NumPy is needed. Format: GGUF 3
(https://github.com/ggml-org/ggml/blob/master/docs/gguf.md).
"""

import argparse
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from tiny_templates import MARKS, TEMPLATES

CONTEXT: Final = 8_192
LAYERS, WIDTH, FEED_FORWARD, HEADS, KV_HEADS, HEAD = 2, 64, 128, 4, 2, 32
LEANING: Final = 7.0
"""What is added to the logit of a token that closes something in JSON."""
ALIGNMENT: Final = 32

Value = str | int | float | bool | Sequence[str] | Sequence[int]
NORMAL, CONTROL, USER_DEFINED = 1, 3, 4
"""Kinds of tokens (llama.h, llama_token_type). Qwen's marks of thinking and of tools are no control tokens."""


def byte_letters() -> list[str]:
    """The letter that stands for each byte in a byte-level BPE (OpenAI's GPT-2, encoder.py)."""
    shown = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return [chr(byte) if byte in shown else chr(256 + hidden.index(byte)) for byte in range(256)]


def vocabulary() -> tuple[list[str], list[int]]:
    """(tokens, their kinds): every byte, one merge, Qwen's marks; and last one that begins a tool call, which noise
    would never come upon: a request that favours it (`logit_bias`) gets a call."""
    letters, marks = [*byte_letters(), "th"], MARKS["qwen3"]
    kinds = [CONTROL if mark.startswith("<|") else USER_DEFINED for mark in marks]
    begins = "<tool_call>" + byte_letters()[ord("\n")]
    return [*letters, *marks, begins], [*[NORMAL] * len(letters), *kinds, NORMAL]


def tensors(tokens: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    """The weights. Every token has the same large first component, which the output layer reads for those that only
    close: a bias, in a model that has none."""
    random = np.random.default_rng(0)

    def noise(*shape: int) -> NDArray[np.float32]:
        return (random.standard_normal(shape) / 8).astype(np.float32)

    made = {"token_embd.weight": noise(len(tokens), WIDTH), "output.weight": noise(len(tokens), WIDTH)}
    made["token_embd.weight"][:, 0] = 1.0
    made["output.weight"][:, 0] = 0.0
    closing = [number for number, token in enumerate(tokens) if set(token) <= set('"]}')]
    made["output.weight"][closing, 0] = LEANING / WIDTH**0.5
    made["output_norm.weight"] = np.ones(WIDTH, np.float32)
    for layer in range(LAYERS):
        shapes = {
            "attn_norm": (WIDTH,),
            "attn_q": (HEADS * HEAD, WIDTH),
            "attn_k": (KV_HEADS * HEAD, WIDTH),
            "attn_v": (KV_HEADS * HEAD, WIDTH),
            "attn_q_norm": (HEAD,),
            "attn_k_norm": (HEAD,),
            "attn_output": (WIDTH, HEADS * HEAD),
            "ffn_norm": (WIDTH,),
            "ffn_gate": (FEED_FORWARD, WIDTH),
            "ffn_up": (FEED_FORWARD, WIDTH),
            "ffn_down": (WIDTH, FEED_FORWARD),
        }
        for name, shape in shapes.items():
            made[f"blk.{layer}.{name}.weight"] = np.ones(shape, np.float32) if len(shape) == 1 else noise(*shape)
    return made


def facts(tokens: Sequence[str], kinds: Sequence[int]) -> dict[str, Value]:
    """The file's own description."""
    return {
        "general.architecture": "qwen3",
        "general.name": "tiny qwen3",
        "general.alignment": ALIGNMENT,
        "qwen3.context_length": CONTEXT,
        "qwen3.embedding_length": WIDTH,
        "qwen3.block_count": LAYERS,
        "qwen3.feed_forward_length": FEED_FORWARD,
        "qwen3.attention.head_count": HEADS,
        "qwen3.attention.head_count_kv": KV_HEADS,
        "qwen3.attention.key_length": HEAD,
        "qwen3.attention.value_length": HEAD,
        "qwen3.attention.layer_norm_rms_epsilon": 1e-6,
        "qwen3.rope.freq_base": 1e6,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "qwen2",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": kinds,
        "tokenizer.ggml.merges": ["t h"],
        "tokenizer.ggml.padding_token_id": tokens.index("<|endoftext|>"),
        "tokenizer.ggml.eos_token_id": tokens.index("<|im_end|>"),
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.chat_template": TEMPLATES["qwen3"],
    }


def text(value: str) -> bytes:
    encoded = value.encode()
    return struct.pack("<Q", len(encoded)) + encoded


def value(given: Value) -> bytes:
    """A value with its type before it."""
    match given:
        case bool():
            return struct.pack("<IB", 7, given)
        case int():
            return struct.pack("<II", 4, given)
        case float():
            return struct.pack("<If", 6, given)
        case str():
            return struct.pack("<I", 8) + text(given)
        case [str(), *_]:
            return struct.pack("<IIQ", 9, 8, len(given)) + b"".join(text(str(each)) for each in given)
        case _:
            return struct.pack("<IIQ", 9, 5, len(given)) + b"".join(struct.pack("<i", int(each)) for each in given)


def padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % ALIGNMENT)


def write(out: Path) -> None:
    """The whole file: head, description, names of the tensors, tensors (F32)."""
    tokens, kinds = vocabulary()
    told, weights = facts(tokens, kinds), tensors(tokens)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(weights), len(told))
    head += b"".join(text(name) + value(given) for name, given in told.items())
    offset, body = 0, b""
    for name, tensor in weights.items():
        shape = tensor.shape[::-1]  # the fastest dimension first
        head += text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, offset)
        body += padded(tensor.tobytes())
        offset = len(body)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(padded(head) + body)


def main() -> None:
    """Write the file that is asked for."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("out", type=Path)
    write(asked.parse_args().out)


if __name__ == "__main__":
    main()
