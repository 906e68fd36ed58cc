"""Prompts for the three workflows, and completions for what is typed into prompts and resource templates."""

from dataclasses import dataclass
from typing import Final

from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CompleteRequestParams,
    CompleteResult,
    Completion,
    GetPromptResult,
    ListPromptsResult,
    Prompt,
    PromptArgument,
    PromptMessage,
    ResourceTemplateReference,
    TextContent,
)

from agents.catalogue import catalogue
from service.database import files, runs
from service.mcp.calls import Context
from service.mcp.icons import icons
from service.mcp.reception import Reception
from service.mcp.resources import SCHEME
from tools.contracts import playbook

MOST: Final = 100
"""Most values of a completion, by the protocol."""


@dataclass(frozen=True, slots=True)
class _Written:
    """A prompt and its text; {name} in the text stands for an argument, and `unless` for one that was not given."""

    prompt: Prompt
    text: str
    unless: dict[str, str]


def _prompt(name: str, title: str, icon: str, told: str, *named: tuple[str, str, bool]) -> Prompt:
    arguments = [PromptArgument(name=each, description=words, required=needed) for each, words, needed in named]
    return Prompt(name=name, title=title, description=told, arguments=arguments, icons=icons(icon))


_PROMPTS: Final = {
    each.prompt.name: each
    for each in (
        _Written(
            _prompt(
                "review-contract",
                "Review a contract",
                "contract",
                "Have a contract reviewed and explained, worst risks first.",
                ("document", "Path, file_id or pasted text of the contract", True),
                ("party", "The party you act for, as the contract names it", False),
                ("playbook", "commercial, nda, chinese, or the file_id of your own", False),
            ),
            "Review this contract with the tool review_contract: {document}\n"
            "I act for: {party}. Playbook: {playbook}.\n"
            "Then tell me the critical and high findings first, each with its clause, the words it rests on and the "
            "wording proposed. Say what you could not judge. Give me the links to the report and the redlined Word "
            "file. Do not add findings of your own without saying that they are yours.",
            {"party": "(not said; ask me if the contract leaves it open)", "playbook": "commercial"},
        ),
        _Written(
            _prompt(
                "translate-record",
                "Translate a medical record",
                "record",
                "Have a medical record translated and verified.",
                ("document", "Path, file_id or pasted text of the record", True),
                ("language", "Target language as a BCP 47 code, such as en or zh-Hans", False),
            ),
            "Translate this medical record with the tool translate_record: {document}\n"
            "Target language: {language}.\n"
            "Then show me every alarm and caution, and what is not translated. The run waits for a clinician's "
            "sign-off: ask me for the decision, never decide yourself, and pass it on with answer_run.",
            {"language": "en"},
        ),
        _Written(
            _prompt(
                "ask-advisor",
                "Ask the financial advisor",
                "advice",
                "Ask about funds, risk or a portfolio; figures come from calculations.",
                ("question", "What you want to know", True),
            ),
            "Ask the tool ask_advisor: {question}\n"
            "Give me its answer as it is, with its figures and its disclosure; keep the conversation_id for what I ask "
            "next. If it asks back, ask me. Do not invent figures.",
            {},
        ),
    )
}


def listed() -> ListPromptsResult:
    return ListPromptsResult(prompts=[each.prompt for each in _PROMPTS.values()])


def get(name: str, given: dict[str, str] | None) -> GetPromptResult:
    """A prompt with its arguments put in. Raises MCPError for an unknown name or a missing argument."""
    written = _PROMPTS.get(name)
    if written is None:
        raise MCPError(INVALID_PARAMS, f"Unknown prompt: {name[:200]!r}; there are: {', '.join(_PROMPTS)}")
    declared = written.prompt.arguments or []
    values = {**written.unless, **{key: value for key, value in (given or {}).items() if value}}
    missing = [each.name for each in declared if each.name not in values]
    if missing:
        raise MCPError(INVALID_PARAMS, f"Missing required argument: {', '.join(missing)}")
    text = written.text
    for each in declared:
        text = text.replace("{" + each.name + "}", "\0" + each.name + "\0")
    for each in declared:  # in two steps, so that braces in a value stay as they are
        text = text.replace("\0" + each.name + "\0", values[each.name].replace("\0", ""))
    message = PromptMessage(role="user", content=TextContent(text=text))
    return GetPromptResult(description=written.prompt.description, messages=[message])


async def completed(reception: Reception, context: Context, params: CompleteRequestParams) -> CompleteResult:
    """What an argument may become, by what is typed so far."""
    name, typed = params.argument.name, params.argument.value
    if isinstance(params.ref, ResourceTemplateReference):
        wanted = params.ref.uri.removeprefix(SCHEME).partition("/")[0]
        values = await _of_template(reception, context, wanted, typed)
    else:
        if params.ref.name not in _PROMPTS:
            raise MCPError(INVALID_PARAMS, f"Unknown prompt: {params.ref.name[:200]!r}")
        values = await _of_prompt(reception, context, name, typed)
    fitting = [each for each in values if each.lower().startswith(typed.lower())]
    more = len(fitting) > MOST
    return CompleteResult(
        completion=Completion(values=fitting[:MOST], total=None if more else len(fitting), has_more=more)
    )


async def _of_prompt(reception: Reception, context: Context, argument: str, typed: str) -> list[str]:
    match argument:
        case "document":
            return await _of_template(reception, context, "files", typed)
        case "playbook":
            return playbook.names()
        case "language":
            return ["ar", "de", "en", "es", "fr", "hi", "it", "ja", "ko", "pt", "ru", "uk", "vi", "zh-Hans", "zh-Hant"]
        case _:
            return []


async def _of_template(reception: Reception, context: Context, kind: str, typed: str) -> list[str]:
    database, tenant = reception.house.database, reception.caller(context).tenant_id
    match kind:
        case "runs":
            return await runs.ids_starting_with(database, tenant, typed, MOST + 1)
        case "files":
            return await files.ids_starting_with(database, tenant, typed, MOST + 1)
        case "playbooks":
            return playbook.names()
        case "models":
            return [each.name for each in catalogue().models]
        case _:
            raise MCPError(INVALID_PARAMS, f"Unknown resource template: {kind[:200]!r}")
