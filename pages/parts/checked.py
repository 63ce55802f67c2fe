"""A draft, examined: the run it describes, or the first thing that cannot be used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from datasets import DatasetError
from hpo_core.errors import UsageError
from hpo_core.machine import Machine
from hpo_core.optimization_config import OptimizationConfig
from hpo_core.samplers import require_sampler
from hpo_core.search_space import SearchSpace
from hpo_core.shares import share_of


@dataclass(frozen=True)
class Checked:
    """What came of it.

    Attributes:
        config: None where there is a problem.
        space: None where the problem is in it.
        workers: trials at once; 0 where there is a problem.
        problem: field, value and fix of the first thing that cannot be used.
    """

    config: OptimizationConfig | None = None
    space: SearchSpace | None = None
    workers: int = 0
    problem: UsageError | None = None

    @property
    def is_fixed(self) -> bool:
        """Whether every trial would train the same network."""
        return self.config is not None and self.space is not None and not self.space.searched

    @property
    def is_one_training(self) -> bool:
        """Whether nothing is searched, and one network is trained once."""
        return self.config is not None and self.is_fixed and self.config.trials == 1


def check(values: Mapping[str, object], machine: Machine) -> Checked:
    """Everything that can be said of a run before it starts, without asking the database or a service."""
    space = None
    try:
        config = OptimizationConfig.from_mapping(values)
        space = config.search_space()
        require_sampler(config.sampler, space)
        return Checked(config, space, share_of(config, machine).workers)
    except UsageError as problem:
        return Checked(space=space, problem=problem)
    except DatasetError as error:
        return Checked(space=space, problem=UsageError("dataset", str(error)))
