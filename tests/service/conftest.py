"""LangGraph's own server beside ours, once for all tests that compare the two: (its URL, ours)."""

from collections.abc import Iterator

import pytest

from tests.conftest import Server, start_server
from tests.service.hosting import declared, serve, stop, write_langgraph_json
from tests.service.reference import running

Peers = tuple[str, Server]


@pytest.fixture(scope="session")
def peers_with_run_graphs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peers]:
    folder = tmp_path_factory.mktemp("peers")
    declared(folder / "theirs")
    with running(folder / "theirs") as url:
        server = start_server(
            folder / "var",
            CONSILIA_LANGGRAPH_JSON=str(declared(folder / "ours")),
            CONSILIA_LIMITS__RECURSION="25",
            MARKS=str(folder / "marks"),
        )
        yield url, server
        stop(server)


@pytest.fixture(scope="session")
def peers_with_sample_graphs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peers]:
    folder = tmp_path_factory.mktemp("peers")
    write_langgraph_json(folder / "theirs")
    with running(folder / "theirs") as url:
        server = serve(folder, "")
        yield url, server
        stop(server)
