"""The model servers of this installation; with none configured, the embedded engine."""

from dataclasses import dataclass

from agents.routing import Needs, Route, route


@dataclass(frozen=True, slots=True)
class Pool:
    """The models that may be asked, by name. Empty: the pool is the embedded engine."""

    models: tuple[str, ...] = ()

    def route(self, needs: Needs) -> Route:
        """Who answers a question with these needs, and why."""
        return route(needs, self.models)
