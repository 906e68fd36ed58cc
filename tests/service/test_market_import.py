"""Importing market data from the command line, into a real database."""

import json
import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from service.cli import app
from service.database import migrate
from service.database.engine import open_database
from service.database.market import MarketStore, put_series
from service.database.tables import DEFAULT_TENANT
from service.market import Order, fetch
from service.market_source import MarketSourceFailed, McpSource
from service.settings import MarketSourceSettings
from tests.service.test_commands import consilia as in_a_process
from tools.finance.importing.reading import Options
from tools.finance.market import SeriesFacts
from tools.finance.series import Series, floats

FUNDS = """
[[fund]]
fund_id = "000001"
name_en = "First Balanced"
name_zh = "第一混合"
currency = "CNY"
category = "balanced"
risk_class = "R3"
ongoing_fee = 0.015
"""
VALUES = "日期,000001,110022\n2024年1月2日,1.05,2.5\n2024年1月3日,1.06,2.4\n2024年1月4日,1.07,2.45\n"


def consilia(*arguments: str, data: Path, status: int = 0) -> str:
    """Run the command in this process, which starts faster; its output."""
    environment = {"CONSILIA_DATA_DIR": str(data / "var"), "COLUMNS": "140"}
    arguments = tuple(str(data / each) if each.endswith((".csv", ".toml")) else each for each in arguments)
    done = CliRunner().invoke(app, list(arguments), env=environment)
    assert done.exit_code == status, done.output
    return done.stdout if status < 2 and "--json" in arguments else done.output


def imported(folder: Path, *arguments: str, status: int = 0) -> dict[str, object]:
    said = consilia("data", "import-nav", "nav.csv", "--json", *arguments, data=folder, status=status)
    return json.loads(said)


def test_an_import_is_reported_and_the_same_again_changes_nothing(tmp_path: Path):
    (tmp_path / "nav.csv").write_bytes(VALUES.encode("gb18030"))
    (tmp_path / "funds.toml").write_text(FUNDS)
    assert "facts of 1 fund" in consilia("data", "import-funds", "funds.toml", data=tmp_path)
    dry = imported(tmp_path, "--currency", "CNY", "--dry-run")
    assert (dry["kept"], dry["encoding"], dry["dates"]) == (False, "gb18030", "YYYY年M月D日")
    assert json.loads(consilia("data", "list", "--json", data=tmp_path)) == []
    first = imported(tmp_path, "--currency", "CNY")
    assert first["kept"] is True
    assert [(each["series_id"], each["added"], each["fund_known"]) for each in first["series"]] == [
        ("000001", 3, True),
        ("110022", 3, False),
    ]
    again = imported(tmp_path, "--currency", "CNY")
    assert (again["kept"], again["reason"]) == (False, "there is nothing new: everything is kept already")
    [one, two] = json.loads(consilia("data", "list", "--json", data=tmp_path))
    assert (one["series_id"], one["observations"], one["source"], one["synthetic"]) == ("000001", 3, "nav.csv", False)
    shown = json.loads(consilia("data", "show", two["series_id"], "--json", data=tmp_path))
    assert [each["value"] for each in shown["last"]] == [2.5, 2.4, 2.45]
    (tmp_path / "nav.csv").write_bytes(VALUES.replace("2.45", "2.46").encode() + "2024年1月5日,1.08,2.5\n".encode())
    clash = imported(tmp_path, "--currency", "CNY", status=1)
    assert [each["code"] for each in clash["findings"]] == ["changed_value"]
    assert json.loads(consilia("data", "show", "110022", "--json", data=tmp_path))["last"][-1]["value"] == 2.45
    imported(tmp_path, "--currency", "CNY", "--replace")
    assert json.loads(consilia("data", "show", "110022", "--json", data=tmp_path))["last"][2]["value"] == 2.46


def test_errors_keep_a_file_out_unless_they_are_accepted(tmp_path: Path):
    (tmp_path / "nav.csv").write_text("date,EURUSD\n2024-01-02,1.09\n2024-01-03,-1\n2024-01-04,1.10\n")
    refused = imported(tmp_path, "--kind", "fx", status=1)
    assert (refused["kept"], refused["errors"]) == (False, 1)
    assert json.loads(consilia("data", "list", "--json", data=tmp_path)) == []
    assert "not kept" in consilia("data", "import-nav", "nav.csv", "--kind", "fx", data=tmp_path, status=1)
    assert imported(tmp_path, "--kind", "fx", "--accept")["kept"] is True
    [pair] = json.loads(consilia("data", "list", "--json", data=tmp_path))
    assert (pair["kind"], pair["currency"], pair["observations"]) == ("fx", "USD", 2)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("import-nav", "nowhere.csv"), "nowhere.csv"),
        (("import-nav", "nav.csv"), "--currency"),
        (("import-nav", "nav.csv", "--currency", "yuan"), "ISO 4217"),
        (("import-nav", "nav.csv", "--kind", "fx"), "currency pair"),
        (("import-nav", "nav.csv", "--decimal", ";"), "--decimal"),
        (("import-nav", "broken.csv"), "unreadable_table"),
        (("import-funds", "nav.csv"), "TOML"),
        (("import-funds", "funds.toml"), "risk_class"),
        (("show", "NOTHING"), "unknown_fund"),
    ],
)
def test_what_cannot_be_imported_is_said_in_one_sentence(tmp_path: Path, arguments: tuple[str, ...], said: str):
    (tmp_path / "nav.csv").write_text("date,A\n2024-01-02,1.5\n2024-01-03,1.6\n")
    (tmp_path / "broken.csv").write_text("nothing here\n")
    (tmp_path / "funds.toml").write_text(FUNDS.replace('risk_class = "R3"', 'risk_class = "R9"'))
    output = consilia("data", *arguments, data=tmp_path, status=2)
    assert said in output.replace("\n", "")
    assert "Traceback" not in output


def test_real_values_are_not_mixed_into_a_synthetic_series(tmp_path: Path):
    consilia("data", "demo", data=tmp_path)
    (tmp_path / "nav.csv").write_text("date,SYN-EQ-WO\n2024-01-02,1.5\n2024-01-03,1.6\n")
    assert "--remove" in consilia("data", "import-nav", "nav.csv", data=tmp_path, status=2)
    consilia("data", "import-nav", "nav.csv", "--fund", "REAL", "--currency", "CNY", data=tmp_path)
    consilia("data", "demo", "--remove", data=tmp_path)
    assert [each["series_id"] for each in json.loads(consilia("data", "list", "--json", data=tmp_path))] == ["REAL"]


async def test_series_come_back_as_they_were_kept_on_both_databases(empty_database: str):
    random = np.random.default_rng(1)
    days = np.sort(random.choice(np.arange("1999-12-30", "2026-01-03", dtype="datetime64[D]"), 4000, replace=False))
    series = Series(days, floats(random.lognormal(size=4000)))
    facts = SeriesFacts(
        series_id="基金/1",
        kind="nav",
        name="x",
        currency="CNY",
        source="test",
        synthetic=False,
        first=series.first,
        last=series.last,
        observations=4000,
    )
    async with open_database(empty_database) as database:
        await migrate.upgrade(database.engine)
        store = MarketStore(database)
        await put_series(database, DEFAULT_TENANT, [(facts, series)])
        found = (await store.series(DEFAULT_TENANT, ["基金/1", "nothing"]))["基金/1"]
        assert np.array_equal(found.days, series.days)
        assert np.array_equal(found.values, series.values)
        assert list(await store.listing(DEFAULT_TENANT)) == [facts]
        assert await store.series("another", ["基金/1"]) == {}
        shorter = series.between(None, series.first + timedelta(days=400))
        await put_series(database, DEFAULT_TENANT, [(facts, shorter)])
        again = (await store.series(DEFAULT_TENANT, ["基金/1"]))["基金/1"]
        assert np.array_equal(again.values, shorter.values)


START = [sys.executable, "-P", str(Path(__file__).parent / "price_server.py")]


def test_a_live_source_of_the_configuration_is_fetched_from_the_command_line(tmp_path: Path):
    (tmp_path / "consilia.toml").write_text(
        f"[market_sources.house]\ncommand = {json.dumps(START)}\nlabel = 'House prices'\n"
    )
    said = json.loads(in_a_process("data", "fetch", "house", "ACME", "--json", data=tmp_path))
    assert (said["kept"], said["series"][0]["added"], said["series"][0]["currency"]) == (True, 3, "USD")
    assert "configured: house" in consilia(
        "data", "fetch", "nobody", "ACME", "--config", "consilia.toml", data=tmp_path, status=2
    )


async def test_a_live_source_is_asked_for_what_is_new_and_held_to_the_rules_of_a_file(tmp_path: Path):
    house = McpSource("house", MarketSourceSettings(command=START, label="House prices"))
    order = Order(Options(date(2026, 11, 24)), house.label)
    async with open_database(f"sqlite:///{tmp_path / 'market.db'}") as database:
        await migrate.upgrade(database.engine)
        first = await fetch(database, DEFAULT_TENANT, house, ["ACME"], None, order)
        assert (first.kept, first.series[0].added) == (True, 3)
        assert (await fetch(database, DEFAULT_TENANT, house, ["ACME"], None, order)).kept is False
        again = await fetch(database, DEFAULT_TENANT, house, ["ACME"], date(2026, 1, 6), order)
        assert again.series[0].unchanged == 2
        [kept] = await MarketStore(database).listing(DEFAULT_TENANT)
        assert kept.source == "House prices"
        broken = await fetch(database, DEFAULT_TENANT, house, ["BROKEN"], None, order)
        assert ([each.code for each in broken.findings], broken.kept) == (["not_positive"], False)
        for settings, series_id, said in (
            ({"command": START}, "NONE", "no such series"),
            ({"command": START, "tool": "other_form"}, "ACME", "form that is not read"),
            ({"command": ["no-such-program"]}, "ACME", "no-such-program"),
            ({"url": "http://127.0.0.1:9/mcp"}, "ACME", "gave no answer"),
        ):
            source = McpSource("odd", MarketSourceSettings(**settings))
            with pytest.raises(MarketSourceFailed, match=said):
                await fetch(database, DEFAULT_TENANT, source, [series_id], None, order)
