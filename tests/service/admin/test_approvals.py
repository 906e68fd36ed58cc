"""Approvals in the admin's window: decided once, recorded, by forms made from schemas."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from service.admin.answer_form import InvalidAnswer, answer, forms
from tests.service.admin.conftest import Hosted, token

SIGN_OFF: dict[str, Any] = {
    "oneOf": [
        {
            "title": "Release",
            "properties": {
                "decision": {"const": "approve"},
                "reason": {"type": "string", "maxLength": 2000},
                "accepted": {"type": "array", "items": {"enum": ["A1", "A2"]}},
            },
            "required": ["decision", "accepted"],
            "additionalProperties": False,
        },
        {
            "title": "Change segments",
            "properties": {
                "decision": {"const": "edit"},
                "edits": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "properties": {
                            "segment": {"type": "string"},
                            "language": {"enum": ["en", "fr"]},
                            "text": {"type": "string", "maxLength": 20000},
                        },
                        "required": ["segment", "language", "text"],
                    },
                },
            },
            "required": ["decision", "edits"],
            "additionalProperties": False,
        },
    ]
}


def asked(hosted: Hosted) -> str:
    """The thread of a run that asks."""
    with hosted.api() as api:
        started = api.post("/runs/wait", json={"assistant_id": "asking", "input": {"log": []}})
        return started.headers["content-location"].split("/")[2]


def test_of_two_who_decide_at_the_same_moment_one_is_told_that_the_other_was_first(hosted: Hosted):
    thread = asked(hosted)
    with hosted.api() as one, hosted.api("operator") as two:
        shown = one.get(f"/admin/api/approvals/{thread}")
        assert shown.status_code == 200, shown.text
        [waits] = shown.json()
        assert (waits["question"], waits["graph_id"], waits["answer_schema"]) == ("go on?", "asking", None)
        body = {"interrupt_id": waits["interrupt_id"], "answer": "yes"}
        with ThreadPoolExecutor(2) as pool:
            sent = [pool.submit(each.post, f"/admin/api/approvals/{thread}", json=body) for each in (one, two)]
            answers = sorted((each.result() for each in sent), key=lambda answer: answer.status_code)
        assert [each.status_code for each in answers] == [200, 409], [each.text for each in answers]
        made, late = answers[0].json(), answers[1].json()
        assert late["code"] == "already_decided"
        assert made["resumed_by"] in late["detail"]
        assert one.get(f"/threads/{thread}/runs/{made['resumed_by']}/join").json()["log"][1] == "told yes"
        again = two.post(f"/admin/api/approvals/{thread}", json=body)
        assert (again.status_code, again.json()["code"]) == (409, "already_decided")
        assert len(one.get(f"/threads/{thread}/runs").json()) == 2
        told = one.get(f"/admin/api/runs/{made['run_id']}").json()["decisions"]
        assert [(each["decided_by"], each["answer"]) for each in told] == [(made["decided_by"], "yes")]
    rows = hosted.sql("SELECT decided_by, key_id, resumed_by FROM decisions WHERE thread_id = ?", thread)
    assert rows == [(made["decided_by"], made["key_id"], made["resumed_by"])]


def test_a_decision_in_the_pages_goes_on_with_the_run_and_needs_the_scope(hosted: Hosted):
    thread = asked(hosted)
    with hosted.signed_in("operator") as browser, hosted.signed_in("viewer") as viewer:
        assert f"/admin/approvals/{thread}" in browser.get("/admin/approvals").text
        page = browser.get(f"/admin/approvals/{thread}").text
        [waits] = browser.get(f"/admin/api/approvals/{thread}").json()
        path = f"/admin/approvals/{thread}/{waits['interrupt_id']}"
        assert f'action="{path}"' in page
        seen = viewer.get(f"/admin/approvals/{thread}").text
        assert f'action="{path}"' not in seen
        assert viewer.post(path, data={"csrf": token(seen), "raw": "yes"}).status_code == 403
        unknown = browser.post(f"/admin/approvals/{thread}/nothing", data={"csrf": token(page), "raw": "x"})
        assert unknown.status_code == 404
        went = browser.post(path, data={"csrf": token(page), "form": "0", "a.": "surely"})
        assert went.status_code == 303, went.text
        late = browser.post(path, data={"csrf": token(page), "form": "0", "a.": "surely"})
        assert late.status_code == 409
        assert "has decided this already" in late.text
        run = browser.get(went.headers["location"])
        assert run.status_code == 200
        assert "another" not in viewer.get("/admin/approvals").text
    with hosted.api("stranger") as api:
        assert api.get(f"/admin/api/approvals/{thread}").status_code == 404
        assert thread not in api.get("/admin/api/approvals").text


def test_a_schema_with_alternatives_becomes_forms_and_their_answers_fit_it():
    release, change = forms(SIGN_OFF)
    assert [(each.name, each.kind) for each in release.fields] == [("reason", "long"), ("accepted", "many")]
    assert release.buttons == (('"approve"', "Release"),)
    assert [each.kind for each in change.fields] == ["rows"]
    told = {"form": ["0"], "decision": ['"approve"'], "a.accepted": ['"A1"', '"A2"'], "a.reason": [""]}
    assert answer(SIGN_OFF, told) == {"decision": "approve", "accepted": ["A1", "A2"]}
    edited = {
        "form": ["1"],
        "decision": ['"edit"'],
        "a.edits.0.segment": ["s1"],
        "a.edits.0.language": ['"fr"'],
        "a.edits.0.text": ["Bonjour\r\nà tous"],
        "a.edits.1.language": ['"en"'],
    }
    row = {"segment": "s1", "language": "fr", "text": "Bonjour\nà tous"}
    assert answer(SIGN_OFF, edited) == {"decision": "edit", "edits": [row]}


@pytest.mark.parametrize(
    "given",
    [
        {"form": ["1"], "decision": ['"edit"']},
        {"form": ["0"], "decision": ['"reject"']},
        {"form": ["0"], "decision": ['"approve"'], "a.accepted": ['"A9"']},
        {"form": ["9"]},
        {"form": ["-1"]},
        {"raw": ["{not json"]},
        {"raw": ['{"decision": "approve"}']},
    ],
)
def test_an_answer_that_does_not_fit_is_refused_with_what_is_wrong(given: dict[str, list[str]]):
    with pytest.raises(InvalidAnswer):
        answer(SIGN_OFF, given)


def test_every_kind_of_field_is_read_as_its_type():
    schema = {
        "type": "object",
        "properties": {
            "decision": {"enum": ["refuse", "release"]},
            "warned": {"type": "boolean"},
            "count": {"type": "integer", "maximum": 9},
            "share": {"type": ["number", "null"]},
            "level": {"enum": [1, 2]},
            "profile": {"type": "object"},
            "note": {"anyOf": [{"type": "string", "maxLength": 50}, {"type": "null"}]},
        },
        "required": ["decision"],
    }
    [form] = forms(schema)
    assert [each.kind for each in form.fields] == ["yes", "integer", "number", "choice", "json", "text"]
    assert form.buttons == (('"refuse"', "Refuse"), ('"release"', "Release"))
    given = {
        "decision": ['"release"'],
        "a.warned": ["on"],
        "a.count": ["3"],
        "a.share": ["0.5"],
        "a.level": ["2"],
        "a.profile": ['{"age": 40}'],
        "a.note": ["hm"],
    }
    told = {"decision": "release", "warned": True, "count": 3, "share": 0.5, "level": 2, "profile": {"age": 40}}
    assert answer(schema, given) == {**told, "note": "hm"}
    for wrong in ({"a.count": ["many"]}, {"a.count": ["10"]}, {"a.profile": ["x"]}, {"decision": ["?"]}):
        with pytest.raises(InvalidAnswer):
            answer(schema, {**given, **wrong})
    assert answer(None, {"raw": ["plain words"]}) == "plain words"
