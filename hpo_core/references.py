"""Where something is documented by those who made it: what explanations for learners point to."""

from __future__ import annotations

from typing import NamedTuple

_KERAS = "https://www.tensorflow.org/api_docs/python/tf/keras"
_OPTUNA = "https://optuna.readthedocs.io/en/stable/reference"


class Reference(NamedTuple):
    """A title for people, and the address it leads to."""

    title: str
    address: str

    @property
    def markdown(self) -> str:
        return f"[{self.title}]({self.address})"


def keras(name: str) -> Reference:
    """The page of a part of Keras in TensorFlow's documentation, for example of `layers.Conv2D`."""
    return Reference(f"Keras: {name.rpartition('.')[2]}", f"{_KERAS}/{name.replace('.', '/')}")


def optuna(title: str, page: str) -> Reference:
    """A page of Optuna's reference by its path, for example `samplers/generated/optuna.samplers.TPESampler`."""
    return Reference(title, f"{_OPTUNA}/{page}.html")


LEARNING = Reference("CS231n: learning", "https://cs231n.github.io/neural-networks-3/")
"""Stanford's course notes on loss curves, ratios of updates, and how to tell a healthy training from a sick one."""
