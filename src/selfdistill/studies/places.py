"""Where the runs of a study lie, and which of them are finished."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..runs import (
    SUMMARY,
    read_summary,
    recipe_differences,
    recorded_code,
    replace_file,
    summary_file,
)
from .grid import Cell, Study

Run = tuple[Cell, int]
"""A cell and a seed."""


@dataclass(frozen=True)
class Places:
    """The files of a study.

    Args:
        study: The grid.
        out: Where run directories go: ``out/STUDY/CELL/seedSEED``.
        results: Where summaries are copied to, ``results/STUDY/CELL-sSEED.json``; None for nowhere.
        further: Words of ``train`` for every run, such as where the data lie.
        formats: Number formats of cells that leave it open, by the cell's name.
    """

    study: Study
    out: Path
    results: Path | None
    further: Sequence[str]
    formats: Mapping[str, str] = field(default_factory=dict[str, str])

    def directory(self, run: Run) -> Path:
        """The run directory."""
        cell, seed = run
        return self.out / self.study.name / cell.slug / f"seed{seed}"

    def summaries(self, run: Run) -> list[Path]:
        """The summary and its copy, as far as they are there."""
        places = [self.directory(run) / SUMMARY, *self._copies(run)]
        return [place for place in places if place.is_file()]

    def shown(self, run: Run) -> Path:
        """What reports read of a run, or would: its directory, or a copied summary.

        What this recipe finished comes first, then whatever lies there.
        """
        found = [path.parent if path.name == SUMMARY else path for path in self.summaries(run)]
        return self.finished(run) or next(iter(found), self.directory(run))

    def strange(self, run: Run, shown: Path) -> list[str]:
        """What sets the recipe of a run, as :meth:`shown` found it, apart from the study's."""
        from ..training import parse

        summary = summary_file(shown)
        try:
            stored = _stored_recipe(summary)
            self.check_code(run)
        except (OSError, ValueError, KeyError, TypeError):
            return []  # the report names what is no run
        wanted = parse(self.words(run)).resolved
        of_the_machine = {part: stored[part] for part in ("precision", "compile") if part in stored}
        return recipe_differences(stored, {**wanted, **of_the_machine})

    def check_code(self, run: Run) -> None:
        """Refuse a cell whose file of one's own neither the study nor its run knows.

        Raises:
            ValueError: If there is such a file, and further words do not allow it.
        """
        from ..training import refuse_own_code

        if {"--allow-own-code", "--allow-own-code=true"} & set(self.further):
            return
        cell, _ = run
        options = [(k, v) for k, v in cell.options.items() if k != "config"]
        recorded = dict(self.study.own_code)
        for summary in self.summaries(run):
            recorded |= _stored_code(summary)
        refuse_own_code(options, recorded, f"the study {self.study.name}")

    def words(self, run: Run, *, teacher: str | None = None) -> list[str]:
        """The run, as words of ``train``.

        Args:
            run: Which.
            teacher: The teacher's weights, where not its finished run's.
        """
        cell, seed = run
        words = [*self._cell_words(run), *self.further, f"--out={self.directory(run)}"]
        if cell.name in self.formats:
            words.append(f"--precision={self.formats[cell.name]}")
        if cell.teacher is not None:
            teacher = teacher or self._taught_by((self.study.cell(cell.teacher), seed))
            words.append(f"--method.teacher={teacher}")
        return words

    def _cell_words(self, run: Run) -> list[str]:
        """The words of a cell, without where its images lie if further words name others."""
        cell, seed = run
        named = any(word.partition("=")[0] == "--data" for word in self.further)
        places = ("--data.root", "--data.table", "--data.name")
        words = cell.words(seed)
        return [word for word in words if not (named and word.partition("=")[0] in places)]

    def finished(self, run: Run) -> Path | None:
        """What reports read of a run that is finished by exactly this recipe, else None.

        A summary tells, the run's own or its copy; number format included. A pupil's teacher must
        be finished too, by weights that the pupil learned from.
        """
        from ..training import identities, parse

        cell, seed = run
        found = {path: _stored_hash(path) for path in self.summaries(run)}
        if not any(found.values()):
            return None
        try:
            self.check_code(run)
        except ValueError:
            return None
        if cell.teacher is not None:
            teacher = (self.study.cell(cell.teacher), seed)
            if self.finished(teacher) is None:
                return None
        settings = parse(self.words(run))
        wanted = identities(settings)
        matching = next((path for path, stored in found.items() if stored in wanted), None)
        if matching is None or (settings.place.test and not _has_test(matching)):
            return None
        if matching.name == SUMMARY and _moved(matching.parent, settings.whereabouts):
            return None
        return matching.parent if matching.name == SUMMARY else matching

    def weights(self, run: Run) -> Path | None:
        """The directory where a finished run's weights still lie, if any."""
        from ..config.provenance import weights_hash

        directory, found = self.directory(run), self.finished(run)
        if found is None:
            return None
        try:
            weights = weights_hash(directory)
        except ValueError:
            return None
        stored = _stored_weights(found)
        return directory if weights == stored or (found, stored) == (directory, None) else None

    def keep(self, run: Run) -> None:
        """Copy a run's summary from its directory, unless the copy is the same."""
        summary = self.directory(run) / SUMMARY
        for copy in self._copies(run):
            if summary.is_file() and not _same(summary, copy):
                replace_file(copy, summary.read_bytes())

    def _copies(self, run: Run) -> list[Path]:
        cell, seed = run
        name = f"{cell.slug}-s{seed}.json"
        return [] if self.results is None else [self.results / self.study.name / name]

    def _taught_by(self, teacher: Run) -> str:
        """Where a teacher's weights lie or will, or only their hash where they are gone."""
        directory, found = self.directory(teacher), self.finished(teacher)
        if found in (None, directory) or self.weights(teacher) is not None:
            return str(directory)
        return _stored_weights(found) or str(directory)


def _stored_hash(summary: Path) -> str | None:
    """The recipe hash that today's version gives a summary's recipe; None if there is none."""
    from ..training import fingerprint

    try:
        return fingerprint(_stored_recipe(summary))
    except (ValueError, KeyError, TypeError):
        return None


def _stored_recipe(summary: Path) -> dict[str, object]:
    """A summary's recipe as today's version writes it."""
    from ..training import as_today

    content = read_summary(summary)
    code = recorded_code(content.values.get("environment"))
    return as_today(content.section("recipe").values, own_code=code, where=summary)


def _stored_code(summary: Path) -> dict[str, str]:
    """Hashes of files of one's own that a run recorded; a damaged summary tells of none."""
    try:
        return recorded_code(read_summary(summary).values.get("environment"))
    except ValueError:
        return {}


def _stored_weights(found: Path) -> str | None:
    content = read_summary(found)
    return content.text("weights") if "weights" in content else None


def _has_test(summary: Path) -> bool:
    return "test" in read_summary(summary)


def _moved(run: Path, whereabouts: dict[str, str]) -> bool:
    """Whether a run's images lay elsewhere: training then looks whether they are the same."""
    from ..training import RunDirectory

    stored = RunDirectory(run).read_whereabouts()
    names = ("data.root", "data.table")
    return any(
        name in stored and Path(stored[name]).resolve() != Path(whereabouts[name]).resolve()
        for name in names
        if name in whereabouts
    )


def _same(one: Path, other: Path) -> bool:
    return other.is_file() and one.read_bytes() == other.read_bytes()
