"""A full-text index over the knowledge base and a user's own documents, in six languages, on SQLite's FTS5.

Ideographs are indexed one by one and searched as phrases, so that a word of two characters is found; accents and case
do not matter. Ranking is BM25, a title weighing ten times its text.
"""

import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Literal

from pydantic import Field

from tools.medicine.knowledge.entries import Condition, Drug, Entry, Source
from tools.medicine.knowledge.reading import Knowledge, load
from tools.medicine.lexicon import fold

_IDEOGRAPH = re.compile(r"([\u3040-\u30ff\u3400-\u9fff])")
_QUERY = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]+|[^\W_]+")
_EXCERPT = 300
_SCHEMA = """
CREATE TABLE IF NOT EXISTS passages (
    id INTEGER PRIMARY KEY, entry TEXT NOT NULL, kind TEXT NOT NULL, title TEXT NOT NULL, text TEXT NOT NULL,
    source TEXT NOT NULL, url TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS passages_entry ON passages (entry);
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(title, text, tokenize='unicode61');
"""
_SEARCH = """
SELECT entry, kind, passages.title, passages.text, source, url, bm25(words, 10.0, 1.0) AS rank
FROM words JOIN passages ON passages.id = words.rowid WHERE words MATCH ?
"""
Kind = Literal["drug", "condition", "interaction", "document"]


class Passage(Entry):
    """What is indexed. entry: what a citation names; a document's is document/NAME#PART."""

    entry: str
    kind: Kind
    title: str
    text: str
    sources: tuple[Source, ...]


class Hit(Entry):
    """A passage that was found. score: BM25, larger is better; own documents and the project's are ranked together."""

    entry: str
    kind: Kind
    title: str
    excerpt: str
    sources: tuple[Source, ...]
    score: float = Field(ge=0)


class Index:
    """An index in memory, or in a file that keeps it. Use as a context manager, from one thread at a time."""

    def __init__(self, path: Path | None = None) -> None:
        self._connection = sqlite3.connect(str(path) if path else ":memory:", check_same_thread=False)
        self._connection.executescript(_SCHEMA)

    def __enter__(self) -> "Index":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def add(self, passages: Iterable[Passage]) -> int:
        """Add passages in one transaction; how many."""
        count = 0
        with self._connection as connection:
            for passage in passages:
                source = passage.sources[0] if passage.sources else Source(title="")
                titles = "; ".join(each.title for each in passage.sources)
                row = connection.execute(
                    "INSERT INTO passages (entry, kind, title, text, source, url) VALUES (?, ?, ?, ?, ?, ?)",
                    (passage.entry, passage.kind, passage.title, passage.text, titles, source.url),
                )
                connection.execute(
                    "INSERT INTO words (rowid, title, text) VALUES (?, ?, ?)",
                    (row.lastrowid, _spaced(passage.title), _spaced(passage.text)),
                )
                count += 1
        return count

    def remove(self, prefix: str) -> int:
        """Remove every passage whose entry begins so; how many."""
        with self._connection as connection:
            escaped = prefix.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
            rows = connection.execute("SELECT id FROM passages WHERE entry LIKE ? ESCAPE '\\'", (escaped,)).fetchall()
            connection.executemany("DELETE FROM words WHERE rowid = ?", rows)
            connection.executemany("DELETE FROM passages WHERE id = ?", rows)
        return len(rows)

    def entries(self) -> list[str]:
        """Every entry, in order."""
        return [row[0] for row in self._connection.execute("SELECT entry FROM passages ORDER BY id")]

    def search(self, query: str, limit: int = 10, kinds: Sequence[Kind] = ()) -> list[Hit]:
        """The passages that hold the query's words, the best first."""
        asked = _asked(query)
        if not asked:
            return []
        marks = ", ".join("?" for _ in kinds)
        only = f"AND passages.kind IN ({marks})" if kinds else ""
        sql = f"{_SEARCH} {only} ORDER BY rank * (CASE kind WHEN 'interaction' THEN 0.5 ELSE 1 END) LIMIT ?"
        with closing(self._connection.execute(sql, (asked, *kinds, limit))) as rows:
            return [_hit(row, query) for row in rows]


def _spaced(text: str) -> str:
    return _IDEOGRAPH.sub(r" \1 ", fold(text))


def _asked(query: str) -> str:
    """The query in FTS5's language: any of its words; a run of ideographs is a phrase, and its pairs count too."""
    words: list[str] = []
    for run in _QUERY.findall(fold(query))[:40]:
        if not _IDEOGRAPH.match(run):
            words.append(run if len(run) < 5 else f'"{run}"')
            continue
        words.append(" ".join(run))
        words += [" ".join(run[at : at + 2]) for at in range(len(run) - 1)][:20] if len(run) > 2 else []
    return " OR ".join(f'"{word.strip(chr(34))}"' for word in dict.fromkeys(words))


def _hit(row: tuple[str, Kind, str, str, str, str, float], query: str) -> Hit:
    entry, kind, title, text, source, url, rank = row
    sources = tuple(Source(title=each, url=url if not at else "") for at, each in enumerate(source.split("; ")) if each)
    return Hit(
        entry=entry, kind=kind, title=title, excerpt=_excerpt(text, query), sources=sources, score=round(-rank, 4)
    )


def _excerpt(text: str, query: str) -> str:
    """The part of a text about the first word of the query that it holds."""
    folded = fold(text)
    at = min((found for word in _QUERY.findall(fold(query)) if (found := folded.find(word)) >= 0), default=0)
    start = max(0, at - _EXCERPT // 3)
    return text[start : start + _EXCERPT].strip()


def passages(known: Knowledge) -> Iterator[Passage]:
    """The knowledge base as passages."""
    for drug in known.drugs.values():
        yield _drug(drug)
    for condition in known.conditions.values():
        if condition.summary:
            yield _condition(condition)
    for rule in known.interactions:
        yield Passage(
            entry=rule.entry,
            kind="interaction",
            title=f"{rule.a} with {rule.b}",
            text=f"{rule.severity}: {rule.effect}. {rule.advice}",
            sources=rule.sources,
        )


def own() -> Index:
    """The project's own knowledge base, indexed in memory."""
    index = Index()
    index.add(passages(load()))
    return index


def _drug(drug: Drug) -> Passage:
    limits = "; ".join(f"{each.route} {each.period} {each.amount:g} {each.unit} {each.note}" for each in drug.limits)
    renal = "; ".join(f"below {each.below:g}: {each.advice} {each.detail}" for each in drug.renal)
    parts = {
        "": f"{drug.uses}. {drug.dose}.",
        "Classes": ", ".join(drug.classes),
        "Brands": ", ".join(drug.brands),
        "ATC": drug.atc,
        "Largest dose": limits,
        "Contraindications": ", ".join(drug.contraindications),
        "Kidneys": renal,
        "Liver": drug.hepatic,
        "Pregnancy": drug.pregnancy,
        "Elderly": drug.elderly,
        "Warnings": drug.warnings,
        "Confused with": ", ".join(drug.confused_with),
    }
    text = " ".join(f"{label}: {part}." if label else part for label, part in parts.items() if part)
    return Passage(entry=drug.entry, kind="drug", title=" · ".join(drug.names.all()), text=text, sources=drug.sources)


def _condition(condition: Condition) -> Passage:
    text = (
        f"{condition.summary} Red flags: {'; '.join(condition.red_flags)}. Tests: {'; '.join(condition.tests)}. "
        f"Treatment: {'; '.join(condition.treatments)}. ICD-10 {condition.icd10}."
    )
    title = " · ".join(condition.names.all())
    return Passage(entry=condition.entry, kind="condition", title=title, text=text, sources=condition.sources)
