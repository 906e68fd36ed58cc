"""One question → one validated answer, on record.

Counsel routes a question by what it needs and what was measured of it, asks, reads the answer, and where it is unfit or
doubtful pursues it as the policy allows (`agents.escalation`). The only other repetition is that of a lost endpoint,
inside `agents.exchange`.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from agents import prompting
from agents.attempt import Wanted, attempt
from agents.chat_model import PoolChat
from agents.completion import Usage
from agents.demand import Demand, Needs
from agents.escalation import EscalationExhausted
from agents.faults import ContextExceeded, ModelBusy, ModelFailed, ModelFull, ModelLost
from agents.inquiry import Inquiry, attempted
from agents.pool import Pool
from agents.pool_settings import OnOutage
from agents.question import Answer, Answered, Question
from agents.reading import Fit, Unfit, read
from agents.record import ModelCall, ModelLedger
from agents.routing import EMBEDDED, NoCapableModel, NoModelAvailable, Route
from agents.signals import TEMPLATE, Failure, Signals, measure
from agents.splitting import shares, split
from agents.tracing import question_span
from tools.errors import ConsiliaError
from tools.record import Place

__all__ = ["Answered", "Counsel", "ModelCall", "ModelLedger", "Question", "Usage"]

_LESS: Final = 0.7
"""The share of a room that is used where a server refused what seemed to fit."""
_RECOUNTS: Final = 2

_OUTAGE = (NoModelAvailable, ModelLost, ModelBusy)


@dataclass(frozen=True, slots=True)
class Counsel:
    """The pool, bound to one run's ledger: `await counsel.ask(place, QUESTION, material, facts)`.

    salt: keeps this tenant's prefixes apart in the servers' caches. priority: of the run, lower is earlier. on_outage:
    None takes the pool's. model: the one of the pool that may answer; None: as routing decides.
    """

    pool: Pool
    ledger: ModelLedger
    salt: str | None = None
    priority: int = 0
    on_outage: OnOutage | None = None
    model: str | None = None

    async def ask(
        self, place: Place, question: Question[Answer], material: str, facts: Mapping[str, Any]
    ) -> Answered[Answer]:
        """Route the question, answer it, and record the call.

        material: the shared text that several questions are about; it comes first in the prompt. facts: values for
        the instruction's placeholders and for the embedded answer.

        Raises NoCapableModel (also for a document that no context holds and whose question cannot be merged from
        parts), EscalationExhausted, NoModelAvailable, ModelLost, ModelBusy, RequestRefused.
        """
        with question_span(question.name, place.node) as span:
            answered = await self._answer(Inquiry(place, question, material, facts))
            if span.is_recording():
                route = answered.route
                span.set_attributes({"consilia.engine": route.engine, "gen_ai.request.model": route.model})
                span.set_attributes({"consilia.reasons": route.reasons, "consilia.degraded": answered.degraded})
            return answered

    async def _answer(self, inquiry: Inquiry[Answer]) -> Answered[Answer]:
        if self.pool.embedded:
            return await self._embedded(inquiry, self.pool.route(inquiry.question.needs))
        try:
            return await self._pursue_whole_or_parts(inquiry)
        except _OUTAGE as error:
            if (self.on_outage or self.pool.settings.on_outage) != "embedded":
                raise
            why = f"No model server answers ({error.code}), so the embedded engine does: the run is degraded."
            decided = Route(engine=EMBEDDED, model=EMBEDDED, thinking=False, reasons=(why,))
            return await self._embedded(inquiry, decided, degraded=True)

    def chat_model(self, model: str = "auto") -> PoolChat:
        """The pool as a LangChain chat model whose calls go into this run's record."""
        chosen = self.model or model
        return PoolChat(pool=self.pool, model=chosen, salt=self.salt, priority=self.priority, ledger=self.ledger)

    async def _pursue_whole_or_parts(self, inquiry: Inquiry[Answer]) -> Answered[Answer]:
        signals = await self._measured(inquiry)
        parts = await self._parts(inquiry, signals) if self._too_long(inquiry, signals) else None
        if parts is None:
            try:
                return await self._pursue(inquiry, signals)
            except (ContextExceeded, NoCapableModel):
                parts = await self._parts(inquiry, signals, _LESS)
                if parts is None:
                    raise
        answers: list[Answered[Answer]] = []
        for number, part in enumerate(parts, 1):
            note = f"The document is longer than every context: part {number} of {shares(parts)}."
            if inquiry.question.merge is None:
                sizes = f"{len(inquiry.material):,} to {len(part):,} characters"
                note = f"The material is longer than every context, so it was shortened from {sizes}."
            each = Inquiry(inquiry.place, inquiry.question, part, inquiry.facts, note)
            answers.append(await self._pursue(each, await self._measured(each)))
        merge = inquiry.question.merge
        if merge is None:
            return answers[0]
        usage = sum((each.usage for each in answers), Usage())
        return Answered(merge([each.value for each in answers]), answers[-1].route, usage)

    def _too_long(self, inquiry: Inquiry[Answer], signals: Signals) -> bool:
        """Whether no model can answer, and some could if only the material were shorter."""
        try:
            self.pool.route(inquiry.question.needs, signals, self.model)
        except NoCapableModel:
            return True
        except NoModelAvailable:
            return False
        return False

    async def _measured(self, inquiry: Inquiry[Answer]) -> Signals:
        """Language by the detector, structure by the form of its lines, length by the bound, or counted where the bound
        would shut a model out."""
        asked = "\n".join(str(each["content"]) for each in prompting.messages(inquiry.question, "", inquiry.facts))
        found = measure(inquiry.material or asked)
        smallest = min(candidate.room for candidate in self.pool.candidates()) - TEMPLATE
        enough = max(0, smallest - self._answer_tokens(inquiry) - self.pool.settings.routing.thinking_tokens)
        around = len(asked.encode()) + 1
        material, exact = await self.pool.tokens(inquiry.material, enough - around)
        if material + around > enough:
            around, _ = await self.pool.tokens(asked, 0)
        tokens = material + around + TEMPLATE
        return replace(found, tokens=tokens, exact=exact)

    async def _parts(self, inquiry: Inquiry[Answer], signals: Signals, share: float = 0.9) -> list[str] | None:
        """The material in parts that fit, or shortened to one, as the question says; None where it says neither, or
        length is not what keeps it from being asked. share: of the room that there seems to be, to be used."""
        question = inquiry.question
        if (question.merge is None and question.shorten is None) or not inquiry.material:
            return None
        policy = self.pool.settings.routing
        short = Demand.of(question.needs, replace(signals, tokens=0, failures=()), policy)
        rooms = [each.room for each in self.pool.candidates() if short.obstacle(each) is None]
        if not rooms:
            return None
        asked = prompting.messages(question, "", inquiry.facts)
        around, _ = await self.pool.tokens("\n".join(str(each["content"]) for each in asked), 0)
        room = max(rooms) - policy.answer_tokens - 1024 - around - TEMPLATE
        whole = len(inquiry.material.encode())
        per_token = max(1.0, whole / max(1, signals.tokens - around - TEMPLATE)) if signals.exact else 1.0
        longest = int(room * per_token * share)
        if longest < 512:
            return None
        if question.merge is None:
            shorter = question.shorten(inquiry.material, longest) if question.shorten else None
            return None if shorter is None else [shorter]
        parts = split(inquiry.material, longest, longest // 10)
        return parts if len(parts) <= self.pool.settings.most_parts else None

    async def _pursue(self, inquiry: Inquiry[Answer], signals: Signals) -> Answered[Answer]:
        """Ask until an answer holds or the policy's attempts are spent; record the call either way."""
        try:
            answered = await self._until_it_holds(inquiry, signals)
        except ConsiliaError as error:
            await self._record(inquiry, None, error.as_payload())
            raise
        except asyncio.CancelledError:
            await self._record(inquiry, None, {"code": "cancelled", "message": "the run was cancelled meanwhile"})
            raise
        await self._record(inquiry, answered, None)
        return answered

    async def _until_it_holds(self, inquiry: Inquiry[Answer], signals: Signals) -> Answered[Answer]:
        question, outages, excess = inquiry.question, 0, 0
        while True:
            measured = replace(signals, failures=tuple(inquiry.failures))
            try:
                if inquiry.gave_up is None:
                    route = await self.pool.routed(question.needs, measured, self.model)
                else:
                    route = self.pool.route(question.needs, measured, self.model)
            except NoModelAvailable:
                if inquiry.gave_up is not None:
                    raise inquiry.gave_up from None
                raise
            except EscalationExhausted:
                kept = self._kept(inquiry)
                if kept is None:
                    raise
                return kept
            if inquiry.note:
                route = _because(route, inquiry.note)
            inquiry.route = route
            try:
                read_ = await self._ask_once(inquiry, route, measured)
            except ContextExceeded:  # the count was too low: less thinking, or a longer context
                excess += 1
                if excess > _RECOUNTS:
                    raise
                signals = replace(signals, tokens=int(signals.tokens * 1.1) + TEMPLATE, exact=True)
                continue
            except ModelFull:
                inquiry.failures.append(Failure(route.model, "full"))
                continue
            except ModelFailed as failed:  # its servers are well, but not at this question: another model's may be
                inquiry.gave_up = failed
                inquiry.failures.append(Failure(route.model, "unavailable"))
                continue
            except (ModelLost, NoModelAvailable):
                outages += 1
                if outages > self.pool.settings.retries:
                    raise
                continue
            if isinstance(read_, Fit):
                return Answered(read_.value, route, inquiry.usage)

    async def _ask_once(self, inquiry: Inquiry[Answer], route: Route, signals: Signals) -> Fit[Answer] | None:
        """One attempt, or two samples at once; what is unfit or doubtful is noted as a failure."""
        question = inquiry.question
        twice = question.samples > 1 and route.step == "first"
        wanted = self._wanted(inquiry, route, signals)
        inquiry.prompt = list(wanted.messages)
        asking = [asyncio.ensure_future(attempt(self.pool, route, wanted)) for _ in range(2 if twice else 1)]
        try:
            says = await asyncio.gather(*asking)
        finally:
            for each in asking:  # where one failed, nobody waits for the other
                each.cancel()
        outcomes = [read(question, each.completion, inquiry.facts) for each in says]
        for said, outcome in zip(says, outcomes, strict=True):
            inquiry.usage = inquiry.usage + said.completion.usage
            inquiry.attempts.append(attempted(route, said, outcome))
            inquiry.said = said
        fit = [(said, each.value) for said, each in zip(says, outcomes, strict=True) if isinstance(each, Fit)]
        if not fit:
            unfit = next(each for each in outcomes if isinstance(each, Unfit))
            inquiry.unfit = (says[outcomes.index(unfit)], unfit)
            if isinstance(unfit.value, question.answer):
                inquiry.failed = (unfit.value, route, inquiry.unfit[0])
            inquiry.failures.append(Failure(route.model, "invalid", route.thinking))
            return None
        said, value = fit[0]
        inquiry.said = said
        doubt = self._doubt(question, [each for _, each in fit], twice)
        if doubt is None:
            return Fit(value)
        inquiry.attempts[-1]["doubt"] = doubt
        inquiry.doubtful = (value, route, said)
        inquiry.failures.append(Failure(route.model, "doubtful", route.thinking))
        return None

    def _kept(self, inquiry: Inquiry[Answer]) -> Answered[Answer] | None:
        """What stands when no attempt is left: a doubtful answer, or the sound part of one that failed its check."""
        question = inquiry.question
        if inquiry.doubtful is not None:
            value, route, inquiry.said = inquiry.doubtful
            why = "No surer answer was to be had, so this doubtful one stands."
            return Answered(value, _because(route, why), inquiry.usage)
        if inquiry.failed is None or question.salvage is None:
            return None
        value, route, inquiry.said = inquiry.failed
        why = "No answer passed its check, so of this one only what passes is kept."
        return Answered(question.salvage(value, inquiry.facts), _because(route, why), inquiry.usage)

    def _doubt(self, question: Question[Answer], values: list[Answer], twice: bool) -> str | None:
        if twice and (len(values) < 2 or not question.same(values[0], values[1])):
            return "two samples disagree" if len(values) == 2 else "one of two samples is unfit"
        sure = question.confidence(values[0])
        least = self.pool.settings.routing.confidence
        return f"confidence {sure:.2f} is below {least:.2f}" if sure is not None and sure < least else None

    def _wanted(self, inquiry: Inquiry[Answer], route: Route, signals: Signals) -> Wanted:
        question = inquiry.question
        messages = prompting.messages(question, inquiry.material, inquiry.facts)
        room = self._answer_tokens(inquiry)
        said, unfit = inquiry.unfit or (None, None)
        if unfit is not None and unfit.kind == "truncated":
            room *= 2
        room = max(self.pool.settings.routing.answer_tokens, min(room, self._room(route, signals.tokens)))
        if said is not None and unfit is not None and route.step == "repair":
            messages += prompting.repair(said.completion.text, unfit.told)
        return Wanted(
            messages,
            room,
            prompting.response_format(question.answer),
            prompting.digest(inquiry.material) if inquiry.material else None,
            self.salt,
            self.priority,
            elsewhere=self._elsewhere(question.needs, route, signals),
        )

    def _elsewhere(self, needs: Needs, route: Route, signals: Signals) -> Callable[[], bool] | None:
        """Whether another model could take the question now; None where it must wait for this one: it was moved here
        already, or the adapter that it needs is here."""
        if route.adapter or signals.full or self.model is not None:
            return None
        return partial(self.pool.elsewhere, needs, signals, route.model)

    def _room(self, route: Route, tokens: int) -> int:
        """Tokens that the model's context leaves for an answer, beside the prompt and the thinking."""
        context = next(each.room for each in self.pool.candidates() if each.name == route.model)
        return context - tokens - (route.budget or 0)

    def _answer_tokens(self, inquiry: Inquiry[Answer]) -> int:
        return inquiry.question.answer_tokens or self.pool.settings.routing.answer_tokens

    async def _embedded(self, inquiry: Inquiry[Answer], route: Route, degraded: bool = False) -> Answered[Answer]:
        inquiry.clock, inquiry.started = time.perf_counter(), datetime.now(UTC)
        value = inquiry.question.embedded(inquiry.facts)
        inquiry.route, inquiry.said, inquiry.prompt = route, None, []
        answered = Answered(value, route, inquiry.usage, degraded)
        await self._record(inquiry, answered, None)
        return answered

    async def _record(
        self, inquiry: Inquiry[Answer], answered: Answered[Answer] | None, error: dict[str, object] | None
    ) -> None:
        await self.ledger.model_called(inquiry.record(answered, error, self.pool.settings.keep_thinking))


def _because(route: Route, reason: str) -> Route:
    return replace(route, reasons=(*route.reasons, reason))
