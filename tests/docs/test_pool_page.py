"""What docs/pool.md shows is what the code does."""

import re
import shlex
import tomllib

import pytest
from typer.testing import CliRunner

from agents.pool_settings import PoolSettings
from agents.serving.settings import Serve, Serving
from service.cli import app
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "pool.md").read_text()
COMMANDS = sorted(set(re.findall(r"consilia pool [^`\n#]*", PAGE)))
RUN = CliRunner()


@pytest.mark.parametrize("command", [each for each in COMMANDS if each.split()[2] in ("catalogue", "plan", "route")])
def test_a_command_that_asks_for_nothing_runs(command: str) -> None:
    done = RUN.invoke(app, shlex.split(command.strip())[1:])
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_option_exists(command: str) -> None:
    words = shlex.split(command.strip())
    told = RUN.invoke(app, [*words[1:3], "--help"], env={"COLUMNS": "200"})
    assert told.exit_code == 0, command
    for option in (word for word in words[3:] if word.startswith("--")):
        assert option in re.sub(r"\x1b\[[0-9;]*m", "", told.output), option


def test_every_table_of_settings_can_be_read() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) == 3
    for block in blocks:
        PoolSettings.model_validate(tomllib.loads(block)["pool"])


def test_every_key_of_serve_is_named_with_its_default() -> None:
    for kind in (Serve, Serving):
        for name, field in kind.model_fields.items():
            assert f"`{name}" in PAGE or f" {name} " in PAGE or f"`{name} =" in PAGE, name
            if isinstance(field.default, bool):
                assert f"{name} = {str(field.default).lower()}" in PAGE
            elif isinstance(field.default, int | float) and name != "load_format":
                assert f"{name} = {field.default:g}" in PAGE, name
