"""What a planted fault is: its name, its doses, where it fits, and by which name it is right."""

from collections.abc import Mapping
from dataclasses import dataclass

from bench.faults.plant_data import Plant
from bench.faults.program import Program


@dataclass(frozen=True)
class Fault:
    """One fault in a series of doses. A base fits when it has all traits of ``needs`` (words
    joined by ``|`` are alternatives) and none of ``without``."""

    name: str
    doses: Mapping[str, Plant]
    right: tuple[str, ...]
    near: tuple[str, ...] = ()
    needs: str = ""
    without: str = ""

    def fits(self, program: Program) -> bool:
        """Whether the fault can be planted into this base."""
        traits = program.traits
        has = all(traits & set(word.split("|")) for word in self.needs.split())
        return has and not traits & set(self.without.split())


def fault(
    name: str, needs: str = "", without: str = "", near: str = "", also: str = "", **doses: Plant
) -> Fault:
    """A fault by its name and its doses; ``also`` are true synonyms."""
    return Fault(name, doses, (name, *also.split()), tuple(near.split()), needs, without)
