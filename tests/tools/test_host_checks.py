"""The tool host's pure parts: schema checks within bounds, names, marks, effects, policies."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp_types import Tool, ToolAnnotations

from tools.host import marked, policy, shown, unmarked
from tools.host.approval import approved
from tools.host.listing import visible, without_hidden
from tools.host.permission import Effects, Policy, effects
from tools.host.pins import definition, difference
from tools.host.schema_check import fault
from tools.host.secret_source import SecretSource
from tools.host.settings import ToolsSettings
from tools.host.stdio import command_shown


@pytest.mark.parametrize(
    ("schema", "value", "told"),
    [
        ({"type": "object", "required": ["a"]}, {}, "'a' is a required property"),
        ({"properties": {"a": {"items": {"type": "integer"}}}}, {"a": [1, "x"]}, "a.1: 'x' is not of type 'integer'"),
        ({"$ref": "#/$defs/none"}, {}, "leads nowhere"),
        ({"$ref": "https://evil.example/schema"}, {}, "leads nowhere"),
        ({"type": 7}, {}, "the schema cannot be used"),
        ({"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}, {}, "too deep or too wide"),
        ({"properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}}, {"a": "a" * 60 + "!"}, None),
        ({"type": "object"}, {"a": 1}, None),
    ],
)
def test_a_result_is_checked_against_a_schema_that_may_be_hostile(schema: object, value: object, told: str | None):
    found = fault(schema, value)  # type: ignore[arg-type]
    assert found is None if told is None else told in str(found)


def test_a_schema_whose_check_would_never_end_is_given_up():
    layers = {f"l{n}": {"anyOf": [{"$ref": f"#/$defs/l{n + 1}"}, {"$ref": f"#/$defs/l{n + 1}"}]} for n in range(40)}
    schema = {"$defs": {**layers, "l40": {"type": "string"}}, "$ref": "#/$defs/l0"}
    begun = time.process_time()
    assert "too deep or too wide" in str(fault(schema, 1, steps=20_000))
    assert time.process_time() - begun < 5


@given(st.text(max_size=300))
def test_what_is_marked_as_data_comes_out_whole_and_cannot_end_itself(text: str):
    mark = marked("web", "fetch", text)
    assert unmarked(mark) == text
    seal = mark.rsplit(" ", 1)[1][:12]
    assert seal not in text
    assert marked("web", "fetch", mark).count(f"it ends at {seal}") == 1


def test_text_that_is_not_marked_stays_as_it_is():
    assert unmarked('{"a": 1}') == '{"a": 1}'


@given(st.text(min_size=1, max_size=90), st.text(min_size=1, max_size=140))
def test_a_name_that_a_model_sees_is_of_the_allowed_letters_and_short(server: str, tool: str):
    name = shown(f"{server}/{tool}")
    assert len(name) <= 64
    assert name.isascii()
    assert name.replace("_", "").replace("-", "").isalnum() or set(name) <= {"_", "-"}


def test_names_that_would_fall_together_stay_two():
    names = ["a/b.c", "a/b_c", "a/b-c", f"a/{'x' * 100}", f"a/{'x' * 99}y"]
    assert len({shown(each) for each in names}) == len(names)
    assert shown("finance/fund_facts") == "finance__fund_facts"


def test_what_a_person_reads_shows_what_is_hidden_and_what_a_model_reads_leaves_it_out():
    text = "re\u202ead\u200b \U000e0041\x1b[31mok\n"
    assert visible(text) == "re\\u{202e}ad\\u{200b} \\u{e0041}\\u{1b}[31mok\\u{a}"
    assert without_hidden(text) == "read [31mok\n"
    assert visible("x" * 300).endswith("…")


def tool(**annotations: bool) -> Tool:
    return Tool(name="t", input_schema={}, annotations=ToolAnnotations(**annotations) if annotations else None)


def test_of_a_foreign_tool_the_worst_is_assumed_and_of_an_in_house_one_what_it_says():
    closed = tool(read_only_hint=True, open_world_hint=False)
    assert effects(closed, in_house=False) == Effects(writes=False, reaches_out=False)
    assert effects(closed, in_house=False, believe=False) == Effects(writes=True, reaches_out=True)
    assert effects(tool(read_only_hint=True), in_house=False) == Effects(writes=False, reaches_out=True)
    assert effects(tool(), in_house=False) == Effects(writes=True, reaches_out=True)
    assert effects(tool(), in_house=True) == Effects(writes=False, reaches_out=False)
    assert effects(tool(destructive_hint=True), in_house=True) == Effects(writes=True, reaches_out=False)


def test_a_policy_is_read_by_workflow_and_by_tool():
    servers = {"mail": {"command": ["x"], "allow": {"*": ["search"], "a": ["*"]}, "after_untrusted": {"a": ["send"]}}}
    told = ToolsSettings.model_validate({"allow": {"b": ["finance/*"]}, "servers": servers})
    first, second = policy(told, "a", {"documents/read_document"}), policy(told, "b")
    assert first.allowed == {"documents/read_document", "mail/search", "mail/*"}
    assert (first.excuse("mail", "send", tainted=True), first.excuse("mail", "other", tainted=False)) == (
        "after_untrusted",
        None,
    )
    assert second.allowed == {"finance/*", "mail/search"}
    assert second.entry("mail", "send") is None
    assert Policy(without_approval=frozenset({"m/w"})).excuse("m", "w", tainted=True) is None


def test_only_a_yes_is_a_yes():
    for answer in ("approve", True, {"decision": "approve"}, {"decision": True}):
        assert approved(answer).yes
    for answer in ("reject", "yes", 1, None, {}, {"decision": "no"}, ["approve"], {"approve": True}):
        assert not approved(answer).yes
    assert approved({"decision": "reject", "reason": "no"}).reason == "no"


def test_a_pin_changes_with_anything_that_a_model_is_told_and_with_nothing_else():
    one = Tool(name="t", description="d", input_schema={"type": "object"})
    digests = {
        definition(each).digest
        for each in (
            one,
            one.model_copy(update={"description": "d "}),
            one.model_copy(update={"title": "T"}),
            one.model_copy(update={"input_schema": {"type": "object", "properties": {"x": {"description": "!"}}}}),
            one.model_copy(update={"annotations": ToolAnnotations(read_only_hint=True)}),
        )
    }
    assert len(digests) == 5
    assert definition(one.model_copy(update={"meta": {"x": 1}})).digest in digests
    diff = difference("t", {"description": "d"}, {"description": "e"})
    assert '-  "description": "d"' in diff
    assert '+  "description": "e"' in diff


def test_a_secret_is_read_when_needed_and_a_missing_one_is_told(tmp_path: Path):
    (tmp_path / "key").write_text(" abc\n")
    assert SecretSource(file=tmp_path / "key", prefix="Bearer ").read() == "Bearer abc"
    with pytest.raises(ValueError, match="cannot be read"):
        SecretSource(file=tmp_path / "none").read()
    with pytest.raises(ValueError, match="a secret is"):
        SecretSource(env="A", file=tmp_path / "key")
    assert command_shown(["run", "--api-key=abc", "--x"]) == "run --api-key=*** --x"
