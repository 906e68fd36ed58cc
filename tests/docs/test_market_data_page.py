"""The page on market data shows what the commands do."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from service.cli import app
from tests.conftest import ROOT
from tools.finance.fund_facts import parse

PAGE = (ROOT / "docs/market-data.md").read_text()
FILES = {
    "nav.csv": "日期,000001\n2024年1月2日,1.05\n2024年1月3日,1.06\n",
    "rates.csv": "date;EURUSD\n02.01.2024;1,0950\n03.01.2024;1,0920\n",
    "index.csv": "date,CSI300\n2024-01-02,3386.35\n2024-01-03,3378.28\n",
}


def test_the_page_s_commands_run_in_the_order_that_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    [funds] = [each for each in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL) if each.startswith("[[fund]]")]
    assert parse(funds.encode(), "funds.toml")[0].fund_id == "000001"
    Path("funds.toml").write_text(funds)
    for name, text in FILES.items():
        Path(name).write_text(text)
    ran = 0
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL):
        for line in block.splitlines():
            command = shlex.split(line, comments=True)
            if not command or command[:3] == ["consilia", "data", "fetch"]:  # needs a server of one's own
                continue
            done = CliRunner().invoke(app, command[1:], env={"CONSILIA_DATA_DIR": "var", "COLUMNS": "140"})
            assert done.exit_code == 0, (line, done.output)
            ran += 1
    assert ran == 9


def test_every_category_is_named():
    from typing import get_args

    from tools.finance.market import Category

    for category in get_args(Category):
        assert re.search(rf"\b{category}\b", PAGE), category
