"""What several devices for one trial change in its configuration."""

from __future__ import annotations

from collections.abc import Mapping

from hpo_core.errors import UsageError
from hpo_core.parameters import PARAMETERS, Range, Value

BATCH_SIZE = "batch_size"


def scaled_batch(hyperparameters: Mapping[str, Value], replicas: int) -> dict[str, Value]:
    """`hyperparameters` with a global batch of `replicas` times the size, at most the largest that is allowed.

    Each device then has as many samples of a batch as one device alone would have had. The learning rate stays: what
    suits the larger batch is for the search to find.

    Raises:
        UsageError: `replicas` is not a number of devices.
    """
    if replicas < 1:
        raise UsageError(
            "scale_batch", "needs to know on how many GPUs a trial trains",
            "write gpus_per_worker as a number, or scale_batch=false",
        )  # fmt: skip
    allowed = PARAMETERS[BATCH_SIZE].allowed
    assert isinstance(allowed, Range)
    size = int(hyperparameters[BATCH_SIZE]) * replicas
    return {**hyperparameters, BATCH_SIZE: min(size, int(allowed.high))}
