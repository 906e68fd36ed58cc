"""The catalogue against what the hubs publish, and against itself: every parameter is counted from the shape."""

from pathlib import Path

import pytest

from agents.catalogue import FOLDER, InvalidCatalogue, UnknownModel, catalogue, read
from agents.languages import covers, missing
from agents.model import Model

ALL = catalogue().models

# Totals that Hugging Face shows from each repository's safetensors headers.
PUBLISHED = {
    "llama-2-7b": 6_738_415_616,
    "llama-2-70b": 68_976_648_192,
    "llama-3.1-8b": 8_030_261_248,
    "llama-3.1-405b": 405_853_388_800,
    "llama-3.2-1b": 1_235_814_400,
    "llama-3.2-3b": 3_212_749_824,
    "llama-3.3-70b": 70_553_706_496,
    "qwen2.5-7b": 7_615_616_512,
    "qwen2.5-72b": 72_706_203_648,
    "qwen3-8b": 8_190_735_360,
    "qwen3-32b": 32_762_123_264,
    "qwen3-30b-a3b": 30_532_122_624,
    "qwen3-235b-a22b": 235_093_634_560,
    "deepseek-r1-distill-qwen-32b": 32_763_876_352,
}


def counted(model: Model) -> tuple[int, int]:
    """Parameters from the shape, tensor by tensor: all, and those that one token uses."""
    hidden, attention, linear, experts = model.hidden_size, model.attention, model.linear_attention, model.experts
    heads, size = attention.heads, attention.head_size
    if attention.kind == "mla":
        q, kv, rope = attention.q_rank or 0, attention.kv_rank or 0, attention.rope_size or 0
        nope, value = attention.nope_size or 0, attention.value_size or 0
        query = hidden * q + q + q * heads * (nope + rope)
        each = query + hidden * (kv + rope) + kv + kv * heads * (nope + value) + heads * value * hidden
    else:
        query = hidden * heads * size * (2 if attention.output_gate else 1)
        each = query + 2 * hidden * attention.kv_heads * size + heads * size * hidden
        each += (heads + 2 * attention.kv_heads) * size if attention.bias else 0
        each += 2 * size if attention.qk_norm else 0
    fixed = model.vocabulary * hidden * (1 if model.tied_embeddings else 2) + hidden + 2 * hidden * model.layers
    fixed += model.cached_layers * each
    if linear:
        key, value = linear.key_heads * linear.head_size, linear.value_heads * linear.head_size
        into = hidden * (2 * key + 2 * value) + hidden * 2 * linear.value_heads
        state = (2 * key + value) * linear.convolution + 2 * linear.value_heads + linear.head_size
        fixed += (model.layers - linear.full_layers) * (into + state + value * hidden)
    dense = experts.dense_layers if experts else model.layers
    fixed += dense * 3 * hidden * model.intermediate_size
    if experts is None:
        return fixed, fixed
    one = 3 * hidden * experts.size
    router = hidden * experts.count + (experts.count if attention.kind == "mla" else 0) + (hidden if linear else 0)
    fixed += (model.layers - dense) * (experts.shared * one + router)
    per_expert = (model.layers - dense) * one
    return fixed + experts.count * per_expert, fixed + experts.active * per_expert


@pytest.mark.parametrize("model", ALL, ids=lambda model: model.name)
def test_the_parameters_are_those_of_the_shape(model: Model) -> None:
    total, active = counted(model)
    assert model.parameters == total
    embeddings = 2 * model.vocabulary * model.hidden_size
    assert 0.92 * (active - embeddings) <= model.active <= active


@pytest.mark.parametrize(("name", "parameters"), PUBLISHED.items())
def test_the_parameters_are_what_the_hub_shows(name: str, parameters: int) -> None:
    assert catalogue().find(name).parameters == parameters


def test_every_family_and_size_of_the_issue_is_there() -> None:
    names = {model.name for model in ALL}
    wanted = {
        *(f"llama-2-{size}" for size in ("7b", "13b", "70b")),
        *(f"llama-3-{size}" for size in ("8b", "70b")),
        *(f"llama-3.1-{size}" for size in ("8b", "70b", "405b")),
        *("llama-3.2-1b", "llama-3.2-3b", "llama-3.3-70b"),
        *(f"qwen2.5-{size}" for size in ("7b", "14b", "72b")),
        *(f"qwen3-{size}" for size in ("0.6b", "1.7b", "4b", "8b", "14b", "32b", "30b-a3b", "235b-a22b")),
        *(f"qwen3-{s}-{kind}-2507" for s in ("4b", "30b-a3b", "235b-a22b") for kind in ("instruct", "thinking")),
        *("qwen3-next-80b-a3b-instruct", "qwen3-next-80b-a3b-thinking"),
        *("deepseek-v3", "deepseek-r1", "deepseek-r1-0528"),
        *(f"deepseek-r1-distill-qwen-{size}" for size in ("7b", "14b", "32b")),
        *(f"deepseek-r1-distill-llama-{size}" for size in ("8b", "70b")),
    }
    assert names == wanted


@pytest.mark.parametrize("model", ALL, ids=lambda model: model.name)
def test_every_entry_names_its_source_and_what_its_licence_asks(model: Model) -> None:
    assert model.source == f"https://huggingface.co/{model.hugging_face}/blob/main/config.json"
    assert model.released_source.startswith("https://")
    for sampling in (model.plain_sampling, model.thinking_sampling):
        assert sampling is None or sampling.source.startswith("https://")
    assert model.licence.asks
    assert model.licence.url.startswith("https://")
    if not model.hugging_face.startswith(("Qwen/", "deepseek-ai/")):
        assert "Meta" in " ".join(model.licence.asks)


RELEASED = {
    # Meta's model cards; where its README differs the entry says so
    "llama-3-8b": "2024-04-18",
    "llama-3.3-70b": "2024-12-06",
    # the news of Qwen's README
    "qwen2.5-7b": "2024-09-19",
    "qwen3-8b": "2025-04-29",
    "qwen3-235b-a22b-instruct-2507": "2025-07-21",
    "qwen3-235b-a22b-thinking-2507": "2025-07-25",
    "qwen3-30b-a3b-instruct-2507": "2025-07-30",
    "qwen3-30b-a3b-thinking-2507": "2025-07-31",
    "qwen3-4b-instruct-2507": "2025-08-06",
    "deepseek-r1-0528": "2025-05-28",
}


@pytest.mark.parametrize(("name", "released"), RELEASED.items())
def test_the_release_dates_are_the_makers_own(name: str, released: str) -> None:
    assert catalogue().find(name).released.isoformat() == released


@pytest.mark.parametrize(
    ("name", "told"), [("llama-3-8b", "4/18/2023"), ("llama-3.3-70b", "12/04/2024"), ("deepseek-v3", "163,840")]
)
def test_where_sources_disagree_the_entry_says_so(name: str, told: str) -> None:
    assert told in catalogue().find(name).note


def test_qwen3_speaks_119_languages() -> None:
    spoken = catalogue().find("qwen3-8b").languages
    assert len(set(spoken)) == 119
    assert missing(spoken, ("en", "zh", "de", "ja", "ar", "sw", "pt-BR", "yue", "no", "zh-TW")) == ()
    assert missing(spoken, ("haw", "cy")) == ("haw",)


@pytest.mark.parametrize(
    ("spoken", "tag", "served"),
    [
        (("zh",), "zh-CN", True),
        (("zh-Hans",), "zh", True),
        (("zh-Hans",), "zh-TW", False),
        (("zh-Hans",), "zh-SG", True),
        (("en",), "en-GB", True),
        (("en",), "eng-x", False),
        (("nb",), "no", True),
        (("als",), "sq", True),
        (("en",), "und", True),
        (("en",), "de", False),
    ],
)
def test_a_language_is_served_by_a_broader_or_a_narrower_tag(spoken: tuple[str, ...], tag: str, served: bool) -> None:
    assert covers(spoken, tag) is served


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Qwen/Qwen3-8B", "qwen3-8b"),
        ("qwen3_8b", "qwen3-8b"),
        ("Qwen3-32B-AWQ", "qwen3-32b"),
        ("meta-llama/Meta-Llama-3.1-8B-Instruct", "llama-3.1-8b"),
        ("LLM-Research/Llama-3.3-70B-Instruct", "llama-3.3-70b"),
        ("DeepSeek-R1", "deepseek-r1"),
    ],
)
def test_a_model_is_found_by_its_name_its_alias_and_its_hub_names(name: str, found: str) -> None:
    assert catalogue().find(name).name == found


def test_an_unknown_name_is_answered_with_close_ones() -> None:
    with pytest.raises(UnknownModel, match=r"did you mean .*qwen3-8b"):
        catalogue().find("Qwen/Qwen3-7B")
    with pytest.raises(UnknownModel, match="consilia pool catalogue lists them"):
        catalogue().find("gpt-4o")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("layers = 28", 'layers = "many"', ["qwen2.5-7b", "layers", "given 'many'"]),
        ("kv_heads = 4", "kv_heads = 5", ["qwen2.5-7b", "attention", "does not divide"]),
        ("hidden_size = 3_584", "hiden_size = 3_584", ["qwen2.5-7b", "hidden_size", "hiden_size"]),
        ('released = "2024-09-19"', 'released = "2024-13-19"', ["qwen2.5-7b", "released"]),
        ('name = "qwen2.5-14b"', 'name = "qwen2.5-7b"', ["qwen2.5-7b"]),
        ("[[series]]", "[[series", ["not a TOML file"]),
    ],
)
def test_a_wrong_entry_is_named_with_file_entry_and_field(tmp_path: Path, old: str, new: str, told: list[str]) -> None:
    source = (FOLDER / "qwen2.5.toml").read_text()
    assert old in source
    (tmp_path / "qwen2.5.toml").write_text(source.replace(old, new, 1))
    with pytest.raises(InvalidCatalogue) as error:
        read(tmp_path)
    assert all(part in error.value.message for part in [str(tmp_path), *told]), error.value.message
