"""The suitability server: a client's class and the gate, over MCP."""

from typing import Annotated

from pydantic import Field

from tools.serving import READ_ONLY, ToolServer
from tools.suitability.client import Client
from tools.suitability.gate import Gated, Product, gate
from tools.suitability.questionnaire import Classified, Questionnaire
from tools.suitability.questionnaire import classify as classify_client_of
from tools.suitability.questionnaire import questionnaire as the_questionnaire

_INSTRUCTIONS = (
    "Says which risk class a client has (C1 to C5) and whether a recommendation suits: China's rules (CSRC Order No. "
    "130) or MiFID II (Directive 2014/65/EU, art. 25(2)). Deterministic; shares are fractions of the money."
)


def server() -> ToolServer:
    """An MCP server with the tools show_questionnaire, classify_client and check_recommendation."""
    suitability = ToolServer("suitability", title="Suitability", instructions=_INSTRUCTIONS)

    @suitability.tool(
        title="Show the questionnaire",
        description="The questions by which a client is classified, in English and Chinese, with their scores.",
        annotations=READ_ONLY,
    )
    def show_questionnaire() -> Questionnaire:  # pyright: ignore[reportUnusedFunction], registered by the decorator
        return the_questionnaire()

    @suitability.tool(
        title="Classify a client",
        description=(
            "The client's class C1 (careful) to C5 from the questionnaire's answers or an earlier assessment, with its "
            "score, what capped it, and what is missing before anything may be recommended."
        ),
        annotations=READ_ONLY,
    )
    def classify_client(client: Client) -> Classified:  # pyright: ignore[reportUnusedFunction], registered
        return classify_client_of(client)

    @suitability.tool(
        title="Check a recommendation",
        description=(
            "A recommendation as far as it suits the client: products beyond the class, objective, knowledge or "
            "horizon are removed, shares beyond a limit reduced to it, the rest is cash; each breach with its rule "
            "and legal source."
        ),
        annotations=READ_ONLY,
    )
    def check_recommendation(  # pyright: ignore[reportUnusedFunction], registered by the decorator
        weights: Annotated[dict[str, float], Field(description="Share by fund id; what is left is CASH")],
        products: Annotated[list[Product], Field(description="The funds' facts, as the finance server gave them")],
        client: Client,
        total: Annotated[float | None, Field(description="The money, in the client's currency")] = None,
        insisted: Annotated[list[str] | None, Field(description="Funds that the client asks for knowingly")] = None,
    ) -> Gated:
        return gate(weights, products, classify_client_of(client), total=total, insisted=insisted or ())

    return suitability
