"""The pool as a LangChain chat model, so that any LangGraph graph can use it.

In a graph that Consilia runs, a node asks `chat_model(config)` for it; elsewhere open a pool and make a `PoolChat`:

    async with Pool(settings) as pool:
        model = PoolChat(pool=pool)              # model="auto": routed; or a name of the pool
        await model.ainvoke("Hello")
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, cast
from uuid import uuid4

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ConfigDict, Field

from agents.attempt import Said, Wanted, attempt
from agents.chatting import Chat, Decided, decide
from agents.completion import Usage
from agents.exchange import Piece, Restarted
from agents.faults import AnswerLost, ModelFull
from agents.hearing import Hear
from agents.messages import to_chunk, to_message, to_openai
from agents.pool import Pool
from agents.record import ModelCall, ModelLedger
from agents.relay import repeated
from agents.routing import Route
from tools.errors import ConsiliaError
from tools.host import abbreviated

POOL_KEY: Final = "__consilia_pool"
"""Where `config["configurable"]` of a run holds its counsel; never stored, as LangGraph keeps no key of this form."""


class NotInConsilia(ConsiliaError):
    """`chat_model(config)` was called outside a run of Consilia."""

    code = "not_in_consilia"
    status = 500


class PoolChat(BaseChatModel):
    """The models of a pool. `await ainvoke`, `astream`, `bind_tools`, `with_structured_output` work as LangChain's.

    model: "auto", or a name of the pool. thinking: None leaves it to the question and to `/think` and `/no_think`.
    max_tokens: room for the answer, beside that for thinking. ledger: where calls are kept. Only asynchronous calls
    are served, as the pool lives on an event loop.

    Tokens reach LangGraph's stream mode `messages` as they come; a tool call, and an answer held to a schema, when they
    are whole (`pool.hold_back`). If an endpoint is lost in the middle, another goes on from the text where it can.
    Where it can't, `ainvoke` streams the other's answer as a new message. `astream` holds such text back until it is
    whole; a model of one endpoint alone streams it, and AnswerLost is raised if its second answer reads differently.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    pool: Pool = Field(exclude=True)
    model: str = "auto"
    thinking: bool | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    salt: str | None = Field(default=None, exclude=True)
    priority: int = 0
    ledger: Any = Field(default=None, exclude=True)

    @property
    def _llm_type(self) -> str:
        return "consilia-pool"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": self.model}

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """The model with tools. tool_choice: auto, none, required (or any), or the name of a tool."""
        formatted = [convert_to_openai_tool(tool) for tool in tools]
        if tool_choice is not None:
            names = {each["function"]["name"] for each in formatted}
            named = {"type": "function", "function": {"name": tool_choice}}
            kwargs["tool_choice"] = named if tool_choice in names else {"any": "required"}.get(tool_choice, tool_choice)
        return cast(Runnable[LanguageModelInput, AIMessage], self.bind(tools=formatted, **kwargs))

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        raise NotImplementedError("the pool is asked with await: use ainvoke or astream")

    def _should_stream(self, *, async_api: bool, run_manager: Any = None, **kwargs: Any) -> bool:
        """`ainvoke` always goes through `_agenerate`, which streams by callback and can begin a message anew."""
        return bool(kwargs.get("stream")) and super()._should_stream(
            async_api=async_api, run_manager=run_manager, **kwargs
        )

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        number = 0
        base = f"run-{run_manager.run_id}" if run_manager else f"run-{uuid4()}"
        thought: tuple[str, ...] = ()

        async def hear(piece: Piece) -> None:
            nonlocal number
            if isinstance(piece, Restarted):
                number += 1
                return
            chunk = to_chunk(piece, thought, f"{base}-{number}")
            if chunk is not None and run_manager is not None:
                text = chunk.content if isinstance(chunk.content, str) else ""
                await run_manager.on_llm_new_token(text, chunk=ChatGenerationChunk(message=chunk))

        chat, full = self._chat(messages, stop, kwargs), list[str]()
        while True:
            decided = await decide(self.pool, chat, full)
            route = decided.route
            thought = self.pool.dialect(route.model).thought
            try:
                said = await self._ask(chat, decided, hear, run_manager)
                break
            except ModelFull:
                full.append(route.model)
        message = to_message(said.completion, f"{base}-{number}", told(route, said))
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        kwargs.pop("stream", None)
        chat = self._chat(messages, stop, kwargs)
        route = (await decide(self.pool, chat)).route
        thought = self.pool.dialect(route.model).thought
        message_id = f"run-{run_manager.run_id}" if run_manager else f"run-{uuid4()}"
        heard: asyncio.Queue[Piece | None] = asyncio.Queue(maxsize=64)
        asking = asyncio.create_task(self._ask(chat, Decided(route), heard.put, run_manager, anew=False))
        asking.add_done_callback(lambda _: _end(heard))
        shown, expected, called = "", "", False
        try:
            while (piece := await heard.get()) is not None:
                if isinstance(piece, Restarted):
                    if called:
                        raise AnswerLost(f"the answer broke off ({piece.why}) in a tool call; ask again")
                    expected = shown  # thinking may begin anew
                    continue
                chunk = to_chunk(piece, thought, message_id)
                if chunk is None:
                    continue
                if expected and chunk.content:
                    expected, chunk.content = repeated(expected, str(chunk.content))
                if expected or not (chunk.content or chunk.tool_call_chunks or chunk.additional_kwargs):
                    continue
                shown, called = shown + str(chunk.content), called or bool(chunk.tool_call_chunks)
                generation = ChatGenerationChunk(message=chunk)
                if run_manager is not None:
                    await run_manager.on_llm_new_token(str(chunk.content), chunk=generation)
                yield generation
            said = await asking
            if expected:
                raise AnswerLost("the answer broke off, and another's ended sooner; ask again")
        finally:
            asking.cancel()
        whole = to_message(said.completion, message_id, told(route, said))
        last = AIMessageChunk(
            content="",
            id=message_id,
            usage_metadata=whole.usage_metadata,
            response_metadata=whole.response_metadata,
            chunk_position="last",
        )
        yield ChatGenerationChunk(message=last)

    def _chat(self, messages: list[BaseMessage], stop: list[str] | None, given: dict[str, Any]) -> Chat:
        more = {name: given[name] for name in _PASSED if given.get(name) is not None}
        if stop:
            more["stop"] = stop
        if self.temperature is not None:
            more.setdefault("temperature", self.temperature)
        return Chat(
            messages=to_openai(messages),
            model=str(given.get("model") or self.model),
            thinking=given.get("thinking", self.thinking),
            max_tokens=given.get("max_tokens") or self.max_tokens,
            more=more,
            salt=self.salt,
            priority=self.priority,
        )

    async def _ask(
        self,
        chat: Chat,
        decided: Decided,
        hear: Hear,
        run_manager: AsyncCallbackManagerForLLMRun | None,
        anew: bool = True,
    ) -> Said:
        started, clock, route = datetime.now(UTC), time.perf_counter(), decided.route
        wanted = replace(chat.wanted(self.pool), elsewhere=decided.elsewhere)
        moved = False
        said: Said | None = None
        error: dict[str, object] | None = None
        try:
            said = await attempt(self.pool, route, wanted, hear, anew=anew)
            return said
        except ModelFull:
            moved = True
            raise
        except ConsiliaError as failure:
            error = failure.as_payload()
            raise
        finally:
            if self.ledger is not None and not moved:
                metadata = (run_manager.metadata if run_manager else None) or {}
                keep = self.pool.settings.keep_thinking
                call = _recorded(route, wanted, said, error, metadata, started, clock, keep)
                await cast(ModelLedger, self.ledger).model_called(call)


def chat_model(config: RunnableConfig, model: str = "auto", **fields: Any) -> PoolChat:
    """The pool's chat model inside a node of a graph that Consilia runs. config: the node's.

    fields: those of `PoolChat`. Raises NotInConsilia elsewhere.
    """
    made = config.get("configurable", {}).get(POOL_KEY)
    if made is None:
        raise NotInConsilia("this graph does not run in Consilia; open a Pool and use PoolChat(pool=pool) instead")
    given = cast(PoolChat, made)
    chosen = model if given.model == "auto" else given.model  # the run's own choice goes before the graph's
    return given.model_copy(update={"model": chosen, **fields})


def told(route: Route, said: Said) -> dict[str, Any]:
    """Who answered and why, for `response_metadata`."""
    return {
        "model_name": route.model,
        "model_provider": "consilia",
        "endpoint": said.endpoint,
        "reasons": list(route.reasons),
        "thinking": route.thinking,
        "cost": said.completion.usage.cost,
    }


_PASSED: Final = ("tools", "tool_choice", "parallel_tool_calls", "response_format", "temperature", "top_p", "seed")


def _end(heard: asyncio.Queue[Piece | None]) -> None:
    """Tell the reader that no more comes, also when the queue is full of what it has yet to read."""
    try:
        heard.put_nowait(None)
    except asyncio.QueueFull:
        asyncio.get_running_loop().create_task(heard.put(None))


def _recorded(
    route: Route,
    wanted: Wanted,
    said: Said | None,
    error: dict[str, object] | None,
    metadata: dict[str, Any],
    started: datetime,
    clock: float,
    keep_thinking: bool,
) -> ModelCall:
    completion = said.completion if said else None
    answer: dict[str, Any] | None = None
    if completion is not None:
        calls = [{"id": each.id, "name": each.name, "arguments": each.arguments} for each in completion.tool_calls]
        answer = abbreviated({"text": completion.text, "tool_calls": calls, "finish": completion.finish})
    return ModelCall(
        node=str(metadata.get("langgraph_node", "")),
        task_id=str(metadata.get("langgraph_checkpoint_ns", "")).rsplit(":", 1)[-1],
        question="chat",
        prompt_sha256="",
        engine=route.engine,
        model=route.model,
        endpoint=said.endpoint if said else None,
        reasons=route.reasons,
        thinking=route.thinking,
        schema_name="",
        prompt=abbreviated(list(wanted.messages)),
        answer=answer,
        reasoning=(completion.thinking or None) if completion and keep_thinking else None,
        attempts=[],
        usage=completion.usage if completion else Usage(),
        error=error,
        started_at=started,
        duration_ms=(time.perf_counter() - clock) * 1000,
        ttft_ms=said.ttft_ms if said else None,
    )
