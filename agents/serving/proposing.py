"""Which models to serve on some GPUs when nobody names any: one for each job that the default policy routes."""

from collections.abc import Callable, Sequence
from typing import Final

from agents.model import Model
from agents.serving.gpus import Host
from agents.serving.planning import Wish, fits

QUICK: Final = 10_000_000_000
"""Parameters of a model for English and low latency, at most."""

Job = Callable[[Model], bool]


def _reasons(model: Model) -> bool:
    return model.family in ("deepseek-r1", "deepseek-r1-distill")


def _reads_many_languages(model: Model) -> bool:
    return model.family == "qwen3" and model.thinking == "switchable"


def _answers_quickly(model: Model) -> bool:
    return model.family == "llama3" and model.parameters <= QUICK


_JOBS: Final[tuple[Job, ...]] = (_reads_many_languages, _reasons, _answers_quickly)
"""In the order in which few GPUs are given to them: Qwen 3 alone can do all three."""


def propose(hosts: Sequence[Host], models: Sequence[Model], wish: Wish) -> list[Model]:
    """A Qwen 3 that thinks on request, a DeepSeek-R1, a small LLaMA 3: as many of them as fit, in this order; then of
    each the largest that fits at its published precision, the reasoner's first. The smallest Qwen 3 where nothing fits.
    """
    ranked = [sorted(filter(job, models), key=lambda model: model.parameters) for job in _JOBS]
    for count in range(len(_JOBS), 0, -1):
        chosen = [candidates[0] for candidates in ranked[:count]]
        if not fits(hosts, chosen, wish):
            continue
        for job in sorted(range(count), key=lambda job: _JOBS[job] is not _reasons):
            for larger in reversed(ranked[job]):
                trial = [*chosen[:job], larger, *chosen[job + 1 :]]
                if fits(hosts, trial, wish):
                    chosen = trial
                    break
        return chosen
    return [ranked[0][0]]
