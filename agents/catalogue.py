"""Facts about the model families: what each model is, what it can do, what it costs in memory, and what it may be used
for. The numbers are in `agents/models/*.toml`, each entry with its source; this module reads and checks them."""

import difflib
import tomllib
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from agents.model import Model
from tools.errors import ConsiliaError

FOLDER: Final = Path(__file__).parent / "models"


class InvalidCatalogue(ConsiliaError):
    """A file of the catalogue has a wrong entry; the message names file, entry and field."""

    code = "invalid_catalogue"
    status = 500


class UnknownModel(ConsiliaError):
    """The catalogue has no model of that name."""

    code = "unknown_model"
    status = 404


@dataclass(frozen=True)
class Catalogue:
    """The models, in the order of the files."""

    models: tuple[Model, ...]

    @cached_property
    def _spelt(self) -> dict[str, Model]:
        return {alias: model for model in self.models for alias in _spellings(model)}

    def find(self, name: str) -> Model:
        """The model of that name, alias or hub name (`qwen3-8b`, `Qwen/Qwen3-8B`, `Qwen3-8B`), in any case.

        Raises UnknownModel, which names the closest ones.
        """
        known = self._spelt
        wanted = _plain(name)
        if wanted in known:
            return known[wanted]
        close: list[str] = []
        for spelling in difflib.get_close_matches(wanted, known, n=12, cutoff=0.55):
            if known[spelling].name not in close:
                close.append(known[spelling].name)
        hint = f"did you mean {', '.join(close[:4])}?" if close else "consilia pool catalogue lists them"
        raise UnknownModel(f"the catalogue has no model {name!r}; {hint}", close=close[:4])


def read(folder: Path = FOLDER) -> Catalogue:
    """Read every TOML file of the folder. Raises InvalidCatalogue, naming file, entry and field."""
    models = [model for path in sorted(folder.glob("*.toml")) for model in _read_file(path)]
    owner: dict[str, str] = {}
    for model in models:
        for spelling in _spellings(model):
            if owner.setdefault(spelling, model.name) != model.name or sum(model.name == m.name for m in models) > 1:
                raise InvalidCatalogue(f"{folder}: the name {spelling!r} stands for {owner[spelling]} and {model.name}")
    return Catalogue(tuple(models))


@cache
def catalogue() -> Catalogue:
    """The catalogue that comes with Consilia."""
    return read()


def _read_file(path: Path) -> list[Model]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidCatalogue(f"{path}: not a TOML file: {error}") from None
    strange = sorted(set(document) - {"series"})
    if strange or not isinstance(document.get("series"), list):
        raise InvalidCatalogue(f"{path}: a list [[series]] is wanted, and nothing else; found {sorted(document)}")
    return [model for series in document["series"] for model in _read_series(path, series)]


def _read_series(path: Path, series: dict[str, Any]) -> list[Model]:
    common = {key: value for key, value in series.items() if key not in {"name", "models"}}
    title = series.get("name", "?")
    entries: list[dict[str, Any]] = series.get("models", [])
    return [_read_model(path, {"series": title, **common, **entry}) for entry in entries]


def _read_model(path: Path, entry: dict[str, Any]) -> Model:
    try:
        return TypeAdapter(Model).validate_python(entry)
    except ValidationError as error:
        faults = [(".".join(map(str, each["loc"])), each) for each in error.errors()]
        told = "; ".join(f"{where or 'entry'}: {each['msg']}" + _given(each["input"]) for where, each in faults)
        raise InvalidCatalogue(f"{path}: {entry.get('series')}: {entry.get('name', 'a model')}: {told}") from None


def _given(value: object) -> str:
    return f" (given {value!r})" if isinstance(value, str | int | float | bool) else ""


def _spellings(model: Model) -> set[str]:
    whole = {_plain(name) for name in model.names}
    return whole | {name.rsplit("/", 1)[-1] for name in whole}


def _plain(name: str) -> str:
    return name.strip().casefold().replace("_", "-").replace(" ", "-")
