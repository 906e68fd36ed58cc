"""Files of daily values: formats are told apart, faults are named, nothing is mended."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tools.errors import ConsiliaError
from tools.finance.importing.cells import read_number
from tools.finance.importing.findings import UnreadableTable, shortened
from tools.finance.importing.reading import Options, Reading, read

TODAY = date(2026, 11, 24)
DAYS = [date(2024, 1, 2) + timedelta(days=each) for each in (0, 1, 2, 3, 6)]
VALUES = [1.2345, 1.25, 1.2399, 1.2401, 1.26]


def reading(text: str, encoding: str = "utf-8", **options: object) -> Reading:
    return read(text.encode(encoding), Options(TODAY, **options))  # pyright: ignore[reportArgumentType]


def codes(found: Reading) -> list[str]:
    return [each.code for each in found.findings]


NOTATIONS = {
    "YYYY-MM-DD": "%Y-%m-%d",
    "slashes": "%Y/%m/%d",
    "points": "%Y.%m.%d",
    "time": "%Y-%m-%d 00:00:00",
    "iso time": "%Y-%m-%dT00:00:00Z",
    "YYYYMMDD": "%Y%m%d",
    "German": "%d.%m.%Y",
    "named": "%d-%b-%Y",
    "American": "%b %d, %Y",
}


@pytest.mark.parametrize("notation", [*NOTATIONS, "Chinese", "full width", "serial"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "gb18030"])
def test_every_notation_delimiter_and_encoding_reads_the_same(notation: str, delimiter: str, encoding: str):
    def written(day: date) -> str:
        if notation == "Chinese":
            return f"{day.year}年{day.month}月{day.day}日"
        if notation == "full width":
            return f"２０２４年{day.month}月{day.day}日"
        if notation == "serial":
            return str((day - date(1899, 12, 30)).days)
        told = day.strftime(NOTATIONS[notation])
        return f'"{told}"' if "," in told else told

    rows = [delimiter.join(("日期", "SYN-A", "基金乙"))]
    rows += [
        delimiter.join((written(day), str(value), str(value * 2))) for day, value in zip(DAYS, VALUES, strict=True)
    ]
    found = reading("\r\n".join(rows), encoding)
    assert found.format.layout == "wide"
    assert found.format.delimiter == delimiter
    assert set(found.series) == {"SYN-A", "基金乙"}
    assert found.series["SYN-A"].days.tolist() == DAYS
    assert found.series["SYN-A"].values.tolist() == VALUES
    assert codes(found) == []


def test_a_long_table_of_a_chinese_fund_house_is_read_by_its_columns():
    text = "基金代码,基金名称,净值日期,单位净值,累计净值,日增长率\n"
    text += "000001,甲混合,2024-01-02,1.0500,3.2100,0.12%\n000001,甲混合,2024-01-03,1.0600,3.2200,0.95%\n"
    text += "110022,乙股票,2024-01-02,2.5000,2.5000,--\n110022,乙股票,2024-01-03,暂无,暂无,--\n"
    found = reading(text, "gb18030")
    assert found.format.layout == "long"
    assert {name: each.values.tolist() for name, each in found.series.items()} == {
        "000001": [1.05, 1.06],
        "110022": [2.5],
    }
    assert codes(found).count("missing_value") == 1
    assert "ignored_column" in codes(found)


def test_a_file_of_one_fund_needs_its_name():
    text = "Date,NAV,Change %\n2024-01-02,10.5,0.1\n2024-01-03,10.6,0.9\n"
    with pytest.raises(UnreadableTable, match="--fund"):
        reading(text)
    found = reading(text, series_id="MINE")
    assert found.series["MINE"].values.tolist() == [10.5, 10.6]


@pytest.mark.parametrize(
    ("cells", "decimal", "values"),
    [
        (("1,2345", "1,25"), ",", [1.2345, 1.25]),
        (("1.234,56", "987,1"), ",", [1234.56, 987.1]),
        (("1,234.56", "987.1"), ".", [1234.56, 987.1]),
        (("1 234.5", "2 000"), ".", [1234.5, 2000.0]),
        (("1'234.5", "2’000"), ".", [1234.5, 2000.0]),
        (("¥1.05", "1.06元"), ".", [1.05, 1.06]),
        (("１.０５", "1.06 CNY"), ".", [1.05, 1.06]),
        (("1.05E2", "106"), ".", [105.0, 106.0]),
        (("1.234", "1.236"), ".", [1.234, 1.236]),
    ],
)
def test_numbers_are_read_as_their_column_writes_them(cells: tuple[str, str], decimal: str, values: list[float]):
    found = reading(f"date;A\n2024-01-02;{cells[0]}\n2024-01-03;{cells[1]}\n")
    assert found.format.decimal == decimal
    assert found.series["A"].values.tolist() == values


def test_what_can_be_read_in_two_ways_is_asked():
    with pytest.raises(UnreadableTable, match="--dates"):
        reading("date,A\n01/02/2024,1.5\n02/03/2024,1.6\n")
    found = reading("date,A\n01/02/2024,1.5\n02/03/2024,1.6\n", dates="mdy")
    assert found.series["A"].days.tolist() == [date(2024, 1, 2), date(2024, 2, 3)]
    assert reading("date,A\n01/02/2024,1.5\n13/02/2024,1.6\n").series["A"].first == date(2024, 2, 1)
    with pytest.raises(UnreadableTable, match="--decimal"):
        reading("date;A\n2024-01-02;1,234\n2024-01-03;1,235\n")
    assert reading("date;A\n2024-01-02;1,234\n2024-01-03;1,235\n", decimal=",").series["A"].values[0] == 1.234


def test_faults_are_named_with_their_line_and_left_out():
    text = (
        "date,A,B\n2024-01-02,1.0,5\n2024-01-03,abc,5\n2024-01-04,-1,5.1\n2024-02-30,1,5\n2024-01-05,0,5.1\n"
        "2024-01-08,1.1,5\n2024-01-08,1.2,5\n2024-01-09,1.1,nan\n2024-01-09,1.1,\n2030-01-01,1.2,5\n2024-01-10,inf,5\n"
    )
    found = reading(text)
    errors = {(each.code, each.line, each.series_id) for each in found.findings if each.severity == "error"}
    assert errors == {
        ("bad_number", 3, "A"),
        ("not_positive", 4, "A"),
        ("bad_date", 5, None),
        ("not_positive", 6, "A"),
        ("conflicting_duplicate", 8, "A"),
        ("future_date", 11, "A"),
        ("future_date", 11, "B"),
        ("bad_number", 12, "A"),
    }
    assert found.series["A"].days.tolist() == [date(2024, 1, 2), date(2024, 1, 9)]
    assert codes(found).count("missing_value") == 2
    assert codes(found).count("duplicate") == 2


def daily(values: list[float], start: date = date(2023, 1, 2), **skip: int) -> str:
    days = np.arange(np.datetime64(start), np.datetime64(start) + 2000)
    days = days[np.is_busday(days)][: len(values) + skip.get("gap", 0)]
    if skip:
        days = np.delete(days, slice(40, 40 + skip["gap"]))
    return "date,A\n" + "\n".join(f"{day},{value:.6f}" for day, value in zip(days, values, strict=True))


def walk(count: int = 120) -> list[float]:
    return (np.cumprod(1 + np.random.default_rng(5).normal(0, 0.006, count)) * 2).tolist()


def test_gaps_splits_spikes_and_standing_values_are_reported_and_kept():
    assert codes(reading(daily(walk()))) == []
    assert codes(reading(daily(walk(), gap=9))) == ["gap"]
    split = [each if place < 60 else each / 2 for place, each in enumerate(walk())]
    found = reading(daily(split))
    assert codes(found) == ["possible_split"]
    assert "split 2 for 1" in found.findings[0].message
    assert found.series["A"].values.tolist() == pytest.approx(split, abs=1e-6)
    spike = [each if place != 60 else each * 1.7 for place, each in enumerate(walk())]
    assert codes(reading(daily(spike))) == ["outlier"]
    fall = [each if place < 60 else each * 0.8 for place, each in enumerate(walk())]
    assert codes(reading(daily(fall))) == ["outlier"]
    still = walk()
    still[30:45] = [still[30]] * 15
    assert codes(reading(daily(still))) == ["unchanged_run"]


def test_rows_in_falling_order_are_no_fault_but_disorder_is():
    falling = "date,A\n2024-01-04,3\n2024-01-03,2.9\n2024-01-02,2.8\n"
    found = reading(falling)
    assert found.series["A"].values.tolist() == [2.8, 2.9, 3.0]
    assert codes(found) == []
    assert codes(reading("date,A\n2024-01-03,3\n2024-01-02,2.9\n2024-01-04,2.8\n")) == ["unsorted"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty|delimiter"),
        (b"\n\n", "empty|delimiter"),
        (b"just some prose without any table in it", "delimiter"),
        (b"name,colour\napple,red\npear,green\n", "no row holds a date"),
        (b"date,colour\n2024-01-02,red\n2024-01-03,green\n", "date and a number|numbers"),
        (b"PK\x03\x04rest of a workbook", "CSV"),
        (b"\xff\xfed\x00a\x00t", "utf-16"),
        (b"\x81\x20\xff\xff", "UTF-8"),
        (b"2024-01-02,1.0,2.0\n2024-01-03,1.1,2.1\n", "no names|ids"),
        (b"date,A,A\n2024-01-02,1,2\n2024-01-03,1,2\n", "same name"),
    ],
)
def test_what_is_no_table_is_refused_with_a_reason(content: bytes, said: str):
    with pytest.raises(UnreadableTable, match=said):
        read(content, Options(TODAY))


def test_many_findings_of_a_kind_are_counted():
    found = reading(
        "date,A\n"
        + "\n".join(f"{date(2024, 1, 1) + timedelta(days=each)},-1" for each in range(20))
        + "\n2024-03-01,1\n"
    )
    told = shortened(found.findings)
    assert len(told) == 6
    assert sum(each.count for each in told) == 20


TABLES = st.lists(
    st.lists(
        st.sampled_from(["2024-01-02", "2024年1月3日", "1.5", "1,5", "nan", "A", "", '"', "0", "-3", "99999999"]),
        max_size=5,
    ),
    max_size=8,
)


@given(content=st.binary(max_size=300) | TABLES.map(lambda rows: "\n".join(",".join(row) for row in rows).encode()))
@example(b'date,A\n"2024-01-02,1')
@example(b"date,A\n2024-01-02,1\r\r\n\x00")
@settings(max_examples=400, deadline=None)
def test_no_bytes_break_the_reader(content: bytes):
    try:
        found = read(content, Options(TODAY))
    except ConsiliaError:
        return
    for series in found.series.values():
        assert np.all(np.diff(series.days).astype(int) > 0)
        assert np.all(np.isfinite(series.values))
        assert np.all(series.values > 0)


@pytest.mark.parametrize(
    ("cell", "value"), [("e2", None), ("E5", None), ("1e2", 100.0), ("-1.5E3", -1500.0), (".", None)]
)
def test_an_exponent_alone_is_no_number(cell: str, value: float | None):
    """Found by `make fuzz`: it was taken for a number and ended the import with an error of Python's."""
    assert read_number(cell, ".") == value
