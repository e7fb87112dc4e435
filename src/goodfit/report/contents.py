"""Everything that a report shows, as one record."""

from __future__ import annotations

from dataclasses import dataclass

from ..records import (
    DataCard,
    Finding,
    History,
    Record,
    RunInfo,
    Scores,
    Sheet,
    SplitSizes,
    Verdict,
)


@dataclass(frozen=True, kw_only=True)
class Contents(Record):
    """What the page, the picture and the terminal summary are made from.

    ``name`` is the run's name, ``recipe_toml`` its recipe with every default filled in,
    ``created`` a date and time as it should be read. ``validation`` and ``test`` are None
    until they were scored; ``test`` stays None while the test part is sealed. ``verdicts`` are
    of the checks before training, ``diagnosis`` of the rules on what was measured while training,
    ``findings`` of both, in order of cause; ``preparation`` says what was done to the inputs;
    ``drawn`` is what the data looks like, None where nobody drew it.
    """

    name: str
    recipe_toml: str
    card: DataCard
    sizes: SplitSizes
    history: History
    validation: Scores | None = None
    test: Scores | None = None
    verdicts: tuple[Verdict, ...] = ()
    diagnosis: tuple[Verdict, ...] = ()
    findings: tuple[Finding, ...] = ()
    info: RunInfo | None = None
    created: str = ""
    preparation: tuple[str, ...] = ()
    drawn: Sheet | None = None

    @property
    def scored(self) -> tuple[Scores, ...]:
        """The parts that were scored, validation first."""
        return tuple(scores for scores in (self.validation, self.test) if scores is not None)
