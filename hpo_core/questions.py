"""What is put to a final model: a sample of the test part, or a picture or text of a visitor's own."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from hpo_core.errors import OneginError
from hpo_core.trial_config import TrialConfig


class AnswerError(OneginError):
    """A model gave no answer: its file, the sample, or the process that asks it is at fault."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """One sample for one model; exactly one of `test_sample`, `picture` and `text` is given.

    Attributes:
        model: the .keras file.
        config: what the model was trained with: it names the dataset and, for texts, length and vocabulary.
        test_sample: place in the test part; counts on from its beginning where it lies behind its end.
        picture: content of a picture file.
        inverted: whether light and dark of the picture, as it would be read without this, change places.
        text: as it was typed.
    """

    model: Path
    config: TrialConfig
    test_sample: int | None = None
    picture: bytes | None = None
    inverted: bool = False
    text: str | None = None

    def __post_init__(self) -> None:
        if sum(part is not None for part in (self.test_sample, self.picture, self.text)) != 1:
            raise ValueError("exactly one of test_sample, picture and text must be given")

    def to_json(self) -> str:
        """One line; `from_json` reads it back."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        picture = None if self.picture is None else base64.b64encode(self.picture).decode("ascii")
        return json.dumps(fields | {"model": str(self.model), "config": self.config.to_json(), "picture": picture})

    @classmethod
    def from_json(cls, text: str) -> Question:
        """Raises ValueError where `text` is no question."""
        try:
            fields = json.loads(text)
            picture = fields["picture"]
            fields["picture"] = None if picture is None else base64.b64decode(picture, validate=True)
            return cls(**fields | {"model": Path(fields["model"]), "config": TrialConfig.from_json(fields["config"])})
        except (KeyError, TypeError, binascii.Error, OneginError) as error:
            raise ValueError(f"no question: {error}") from error
