"""Between LangChain's messages and those of the OpenAI API."""

from collections.abc import Iterable, Sequence
from typing import Any, cast

import orjson
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, convert_to_openai_messages
from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata
from langchain_core.messages.content import InvalidToolCall
from langchain_core.messages.tool import ToolCall, ToolCallChunk, invalid_tool_call, tool_call, tool_call_chunk

from agents.completion import CalledTool, Completion, Usage


def to_openai(messages: Sequence[BaseMessage]) -> list[dict[str, Any]]:
    """For a request. Earlier thinking stays out, as Qwen3's and DeepSeek-R1's cards ask."""
    converted = convert_to_openai_messages(list(messages), text_format="string")
    for message, made in zip(messages, converted, strict=True):
        if isinstance(message, AIMessage) and message.invalid_tool_calls:
            made["tool_calls"] = [*made.get("tool_calls", []), *map(_emptied, message.invalid_tool_calls)]
    return converted


def _emptied(call: InvalidToolCall) -> dict[str, Any]:
    """A malformed call as history: servers parse the arguments of earlier turns and refuse those that are no JSON."""
    function = {"name": call["name"] or "unknown", "arguments": "{}"}
    return {"id": call["id"] or "call", "type": "function", "function": function}


def to_message(completion: Completion, message_id: str | None, told: dict[str, Any]) -> AIMessage:
    """An answer as LangChain's message. told: who answered and why (`response_metadata`).

    Thinking is in `additional_kwargs["reasoning_content"]`, from where `content_blocks` makes a reasoning block.
    """
    calls, malformed = sorted_calls(completion.tool_calls)
    return AIMessage(
        content=completion.text,
        id=message_id,
        tool_calls=calls,
        invalid_tool_calls=malformed,
        usage_metadata=usage_metadata(completion.usage),
        response_metadata={**told, "finish_reason": completion.finish},
        additional_kwargs={"reasoning_content": completion.thinking} if completion.thinking else {},
    )


def sorted_calls(calls: Iterable[CalledTool]) -> tuple[list[ToolCall], list[InvalidToolCall]]:
    """The calls whose arguments are a JSON object, and the others."""
    sound: list[ToolCall] = []
    malformed: list[InvalidToolCall] = []
    for call in calls:
        try:
            arguments = orjson.loads(call.arguments or "{}")
        except orjson.JSONDecodeError as error:
            malformed.append(
                invalid_tool_call(name=call.name, args=call.arguments, id=call.id, error=f"the arguments: {error}")
            )
            continue
        if isinstance(arguments, dict):
            sound.append(tool_call(name=call.name, args=cast(dict[str, Any], arguments), id=call.id))
        else:
            malformed.append(
                invalid_tool_call(
                    name=call.name, args=call.arguments, id=call.id, error="the arguments are no JSON object"
                )
            )
    return sound, malformed


def to_chunk(piece: dict[str, Any], thought: Sequence[str], message_id: str | None) -> AIMessageChunk | None:
    """A chunk of a stream as LangChain's; None where it carries nothing for a reader."""
    choices = cast(list[dict[str, Any]], piece.get("choices") or [])
    if not choices or choices[0].get("index", 0) != 0:
        return None
    delta = cast(dict[str, Any], choices[0].get("delta") or {})
    thinking = next((delta[name] for name in thought if delta.get(name)), None)
    parts: list[ToolCallChunk] = []
    for position, call in enumerate(cast(list[dict[str, Any]], delta.get("tool_calls") or [])):
        function = cast(dict[str, Any], call.get("function") or {})
        index = int(call.get("index", position))
        parts.append(
            tool_call_chunk(name=function.get("name"), args=function.get("arguments"), id=call.get("id"), index=index)
        )
    if not (delta.get("content") or thinking or parts):
        return None
    return AIMessageChunk(
        content=delta.get("content") or "",
        id=message_id,
        tool_call_chunks=parts,
        additional_kwargs={"reasoning_content": thinking} if thinking else {},
    )


def usage_metadata(usage: Usage) -> UsageMetadata:
    return UsageMetadata(
        input_tokens=usage.tokens_in,
        output_tokens=usage.tokens_out,
        total_tokens=usage.tokens_in + usage.tokens_out,
        input_token_details=InputTokenDetails(cache_read=usage.tokens_cached),
        output_token_details=OutputTokenDetails(reasoning=usage.tokens_thinking),
    )
