"""Plans against figures worked out by hand, and against what a real vLLM logged (FACTS.md)."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.catalogue import catalogue
from agents.model import Attention
from agents.serving.command_lines import command_lines
from agents.serving.gpus import read_gpus
from agents.serving.memory import (
    cache_bytes_per_token,
    cache_tokens,
    native_precision,
    state_bytes_per_sequence,
    weight_bytes,
    working_bytes,
)
from agents.serving.planning import DoesNotFit, Wish, plan
from agents.serving.proposing import propose
from tools.errors import InvalidInput

GIB = 1024**3
find = catalogue().find


def test_a_tiny_llama_gets_the_cache_that_vllm_logged() -> None:
    tiny = replace(find("llama-3.1-8b"), layers=2, attention=Attention("gqa", heads=4, kv_heads=2, head_size=32))
    assert cache_bytes_per_token(tiny) == 512
    assert cache_tokens(GIB, cache_bytes_per_token(tiny)) == 2_097_152


def test_a_tiny_deepseek_gets_the_cache_that_vllm_logged() -> None:
    tiny = replace(find("deepseek-r1"), layers=2)
    assert cache_bytes_per_token(tiny) == 2304
    assert cache_tokens(GIB, cache_bytes_per_token(tiny)) == 466_032


@pytest.mark.parametrize(
    ("name", "tensor", "pipeline", "expected"),
    [
        ("llama-2-7b", 1, 1, 2 * 32 * 32 * 128 * 2),  # 512 KiB: multi-head
        ("llama-3.1-8b", 1, 1, 131_072),  # 2 × 32 × 8 × 128 × 2
        ("llama-3.3-70b", 4, 1, 81_920),  # 2 × 80 × 2 × 128 × 2
        ("qwen3-8b", 1, 1, 147_456),  # 2 × 36 × 8 × 128 × 2
        ("qwen3-235b-a22b", 8, 1, 2 * 94 * 1 * 128 * 2),  # 4 KV heads on 8 GPUs: one each, twice
        ("qwen3-next-80b-a3b-instruct", 1, 1, 24_576),  # 2 × 12 of 48 layers × 2 × 256 × 2
        ("deepseek-r1", 1, 1, 70_272),  # 61 × 576 × 2
        ("deepseek-r1", 8, 1, 70_272),  # the latent vector is not split
        ("deepseek-r1", 8, 2, 31 * 576 * 2),
    ],
)
def test_cache_bytes_per_token_by_hand(name: str, tensor: int, pipeline: int, expected: int) -> None:
    assert cache_bytes_per_token(find(name), tensor=tensor, pipeline=pipeline) == expected


def test_the_state_of_linear_attention_by_hand() -> None:
    model = find("qwen3-next-80b-a3b-instruct")
    assert state_bytes_per_sequence(model) == 36 * (32 * 128 * 128 * 4 + 8192 * 3 * 2)
    assert state_bytes_per_sequence(find("qwen3-8b")) == 0


@pytest.mark.parametrize(
    ("name", "precision", "gigabytes"),
    [
        ("qwen2.5-7b", "bf16", 15.23),
        ("qwen2.5-7b", "int4", 5.57),  # the size of Qwen2.5-7B-Instruct-AWQ on the hub
        ("qwen3-8b", "fp8", 9.44),
        ("llama-3.1-405b", "bf16", 811.7),
        ("deepseek-r1", "fp8", 673.0),
    ],
)
def test_weights_by_hand(name: str, precision: str, gigabytes: float) -> None:
    assert weight_bytes(find(name), precision) / 1e9 == pytest.approx(gigabytes, rel=0.003)  # type: ignore[arg-type]


def test_one_h100_holds_qwen3_8b_unquantised() -> None:
    laid = plan(read_gpus("1xH100-80G"), [find("qwen3-8b")])
    (only,) = laid.placements
    by_hand = int(81_559 * 1024**2 * 0.9) - 2 * 8_190_735_360 - working_bytes(find("qwen3-8b"))
    assert only.fit.tokens == by_hand // 147_456 // 16 * 16
    assert (only.fit.precision, only.fit.context, laid.free) == ("bf16", 40_960, {"host1": 0})


def test_a_model_too_big_for_the_card_is_quantised_to_the_published_file() -> None:
    laid = plan(read_gpus("1xRTX4090-24G"), [find("qwen3-8b")])
    assert laid.placements[0].fit.precision == "fp8"
    assert "qwen3-8b is quantised to fp8, as its 15.3 GiB do not fit here; Qwen/Qwen3-8B-FP8 is ready." in laid.advice
    assert command_lines(laid)[0][1].startswith("vllm serve Qwen/Qwen3-8B-FP8 ")


def test_deepseek_r1_fits_one_host_of_h200_or_two_of_h100_on_ray() -> None:
    one = plan(read_gpus("8xH200-141G"), [find("deepseek-r1")]).placements[0].fit
    assert (one.precision, one.tensor, one.pipeline) == ("fp8", 8, 1)
    laid = plan(read_gpus("2x8xH100-80G"), [find("deepseek-r1")])
    assert (laid.placements[0].fit.precision, laid.placements[0].fit.pipeline) == ("fp8", 2)
    lines = command_lines(laid)
    assert lines[:2] == [
        ("host1", "ray start --head --port=6379"),
        ("host2", "ray start --address=host1:6379"),
    ]
    host, serve = lines[2]
    assert host == "host1"
    for option in (
        "vllm serve deepseek-ai/DeepSeek-R1 ",
        "--tensor-parallel-size 8 --pipeline-parallel-size 2 --distributed-executor-backend ray",
        "--reasoning-parser deepseek_r1",
    ):
        assert option in serve


@pytest.mark.parametrize(
    ("gpus", "expected"),
    [
        ("1xA10-24G", {"qwen3-4b"}),
        ("2xA10-24G", {"qwen3-4b", "deepseek-r1-distill-qwen-7b"}),
        ("8xH100-80G", {"qwen3-32b", "deepseek-r1-distill-llama-70b", "llama-3.1-8b"}),
    ],
)
def test_where_no_model_is_named_one_for_each_job_is_proposed_as_large_as_fits(gpus: str, expected: set[str]) -> None:
    hosts = read_gpus(gpus)
    proposed = propose(hosts, catalogue().models, Wish())
    assert {model.name for model in proposed} == expected
    placed = plan(hosts, proposed)
    assert {each.model.name for each in placed.placements} == expected
    assert all(each.fit.precision == native_precision(each.model) for each in placed.placements)


def test_what_is_left_serves_copies_on_ports_of_their_own() -> None:
    laid = plan(read_gpus("8xH100-80G"), [find("qwen3-235b-a22b"), find("llama-3.1-8b")])
    assert [each.model.name for each in laid.placements] == ["qwen3-235b-a22b", *["llama-3.1-8b"] * 4]
    lines = [line for _, line in command_lines(laid)]
    assert [f"--port {port} " in line for port, line in enumerate(lines, 8000)] == [True] * 5
    assert lines[0].startswith("CUDA_VISIBLE_DEVICES=0,1,2,3 vllm serve Qwen/Qwen3-235B-A22B-FP8")
    assert "--tool-call-parser llama3_json --tool-strict-level parameter" in lines[1]
    assert "examples/tool_chat_template_llama3.1_json.jinja" not in lines[1], "the package does not have it"
    assert any("examples/tool_chat_template_llama3.1_json.jinja" in sentence for sentence in laid.advice)


def test_experts_that_blocks_do_not_divide_are_kept_whole_on_a_gpu() -> None:
    # 1536 / 8 = 192 is no multiple of the FP8 block of 128, so the experts cannot be cut into eight.
    laid = plan(read_gpus("8xA6000-48G"), [find("qwen3-235b-a22b")])
    fit = laid.placements[0].fit
    assert (fit.precision, fit.tensor, fit.expert_parallel) == ("fp8", 8, True)
    assert "--enable-expert-parallel" in command_lines(laid)[0][1]
    assert "computes in 16 bits" in " ".join(laid.advice)


def test_a_turing_card_is_given_half_precision() -> None:
    laid = plan(read_gpus("T4-16G"), [find("qwen3-1.7b")], Wish(context=8192))
    assert "--dtype half" in command_lines(laid)[0][1]


def test_what_cannot_fit_is_said_with_the_numbers() -> None:
    with pytest.raises(DoesNotFit, match=r"GPUs give 13.5 GiB at 90%, the weights alone take llama-3.3-70b 37.0 GiB"):
        plan(read_gpus("T4"), [find("llama-3.3-70b")])
    with pytest.raises(DoesNotFit, match="LLaMA 3 8B Instruct takes at most 8,192 tokens"):
        plan(read_gpus("H100-80G"), [find("llama-3-8b")], Wish(context=32_768))


def test_gpus_are_read_by_count_host_and_kind() -> None:
    hosts = read_gpus("2x8xH100-80G, 4xl4, MINE-48G")
    assert [(host.name, host.gpu.kind, host.count) for host in hosts] == [
        ("host1", "H100-80G", 8),
        ("host2", "H100-80G", 8),
        ("host3", "L4-24G", 4),
        ("host4", "MINE-48G", 1),
    ]


@pytest.mark.parametrize("line", ["", "8x", "0xH100-80G", "H1000", "8 H100", "A100", "9999xH100-80G"])
def test_a_wrong_list_of_gpus_is_answered_with_what_is_right(line: str) -> None:
    with pytest.raises(InvalidInput, match=r"8xH100-80G|MYGPU-48G|1 to 256"):
        read_gpus(line)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["1xL4-24G", "2xA100-40G", "8xH100-80G", "2x8xH100-80G", "4xH200-141G,1xL4-24G"]),
    st.lists(st.sampled_from(catalogue().models), min_size=1, max_size=3, unique_by=lambda model: model.name),
    st.sampled_from([None, 4096]),
    st.integers(1, 8),
)
def test_a_plan_never_overfills_a_gpu_and_never_gives_one_twice(
    line: str, models: list, context: int | None, concurrency: int
) -> None:
    wish = Wish(context=context, concurrency=concurrency)
    try:
        laid = plan(read_gpus(line), models, wish)
    except DoesNotFit:
        return
    taken = [(host.name, gpu) for each in laid.placements for host in each.hosts for gpu in each.gpus]
    assert len(taken) == len(set(taken))
    assert {each.model.name for each in laid.placements} == {model.name for model in models}
    for each in laid.placements:
        fit = each.fit
        used = fit.weights + fit.working + fit.tokens * fit.bytes_per_token
        assert used <= each.hosts[0].gpu.memory * wish.utilisation
        assert len(each.gpus) * len(each.hosts) == fit.tensor * fit.pipeline
        assert fit.context <= fit.tokens
        assert weight_bytes(each.model, fit.precision) <= weight_bytes(each.model, native_precision(each.model))
