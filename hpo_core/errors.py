"""What can go wrong, and who it concerns.

::

    OneginError
    ├── UsageError          the person who asked: a field, its value and the fix; nothing was started
    ├── RunError            the whole run ends
    │   └── RunCancelled    because somebody asked for it
    ├── ResultsError        a file of results could not be written (in results.py); the database keeps what it held
    ├── PackageError        the package of a run could not be made (in package.py)
    ├── AnswerError         a model gave no answer (in questions.py)
    ├── TensorBoardError    TensorBoard could not be started (in local/tensorboard.py)
    └── TrialFailedError    this trial alone
        ├── TrialTimeoutError     it reached its time limit
        ├── TrialStopped          somebody asked this one trial to stop
        ├── BudgetError           the run's money is spent
        └── WorkerDiedError       its process went away (killed, out of memory, crashed)

runpod_service has its own below OneginError, and pages/parts/glb.py one.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MAX_CHARACTERS = 1_000


class OneginError(Exception):
    """Base of everything this package raises on purpose; its text can be shown to a user as it is."""


class UsageError(OneginError):
    """A value that cannot be used.

    Args:
        field: name of the field as the user wrote it.
        problem: what is wrong, beginning with 'must', 'is' or the like: it follows the field's name.
        fix: what to write or do instead, without a full stop at the end.
    """

    def __init__(self, field: str, problem: str, fix: str = "") -> None:
        self.field, self.problem, self.fix = (_short(part) for part in (field, problem, fix))
        super().__init__(f"{self.field} {self.problem}" + (f"; {self.fix}" if self.fix else ""))


def _short(text: str) -> str:
    """What was handed in may be a book; a message quotes its beginning."""
    return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]} …"


class RunError(OneginError):
    """The run cannot go on."""


class RunCancelled(RunError):
    """The run was cancelled by its user."""


class TrialFailedError(OneginError):
    """One trial ended without a result; the others go on."""


class TrialTimeoutError(TrialFailedError):
    """The trial reached its time limit."""


class TrialStopped(TrialFailedError):
    """Somebody asked this one trial to stop."""


class BudgetError(TrialFailedError):
    """The money of the run is spent."""


class WorkerDiedError(TrialFailedError):
    """The process that trained the trial went away."""


def nearest(word: str, vocabulary: Iterable[str]) -> str:
    """The entry of `vocabulary` that `word` was probably meant to be, or '' where none is near."""
    matches = difflib.get_close_matches(word.lower(), list(vocabulary), n=1, cutoff=0.6)
    return matches[0] if matches else ""
