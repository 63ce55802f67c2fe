"""What the environment says, read once by each entry point and handed down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs


@dataclass(frozen=True)
class Settings:
    """Places this installation reads and writes.

    Attributes:
        storage_url: database of the studies and of our own tables; may hold a password, so it is not in the repr.
        results_dir: results, artefacts and logs.
        datasets_dir: read-only folder that is looked at before cache and download, or None.
        cache_dir: where data sets are downloaded to and kept decoded.
    """

    storage_url: str = field(repr=False)
    results_dir: Path
    datasets_dir: Path | None
    cache_dir: Path

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Settings:
        results_dir = Path(environ.get("ONEGIN_RESULTS_DIR") or "results").absolute()
        datasets_dir = environ.get("ONEGIN_DATASETS_DIR")
        return cls(
            storage_url=environ.get("ONEGIN_STORAGE_URL") or f"sqlite:///{results_dir / 'onegin.db'}",
            results_dir=results_dir,
            datasets_dir=Path(datasets_dir).absolute() if datasets_dir else None,
            cache_dir=Path(platformdirs.user_cache_dir("onegin")) / "datasets",
        )

    @property
    def log_file(self) -> Path:
        """The log that every way of starting a run writes to."""
        return self.results_dir / "logs" / "onegin.log"

    @property
    def artifacts_dir(self) -> Path:
        """The artefact store of all runs, which `optuna-dashboard --artifact-dir` shows."""
        return self.results_dir / "artifacts"
