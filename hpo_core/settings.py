"""What the environment says, read once by each entry point and handed down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

RUNPOD_URL = "https://api.runpod.ai/v2"


@dataclass(frozen=True)
class RunPodSettings:
    """Where remote trials go; the variables are named as RunPod's own tools name them.

    Attributes:
        api_key: secret.
        endpoint_id: of the serverless endpoint.
        base_url: of the service, or of the local twin.
    """

    api_key: str = field(default="", repr=False)
    endpoint_id: str = ""
    base_url: str = RUNPOD_URL

    @property
    def complete(self) -> bool:
        return bool(self.api_key and self.endpoint_id)


@dataclass(frozen=True)
class S3Settings:
    """The store that remote trials leave their files in.

    Attributes:
        endpoint_url, bucket, region: where it is; for a RunPod network volume the region is the data centre.
        access_key, secret_key: secret.
    """

    endpoint_url: str = ""
    bucket: str = ""
    region: str = ""
    access_key: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of the variables that must be set as well before there is a store."""
        needed = {
            "ONEGIN_S3_BUCKET": self.bucket,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
        }
        return tuple(name for name, value in needed.items() if not value)

    @property
    def complete(self) -> bool:
        return not self.missing


@dataclass(frozen=True)
class Settings:
    """Places this installation reads and writes.

    Attributes:
        storage_url: database of the studies and of our own tables; may hold a password, so it is not in the repr.
        results_dir: results, artefacts and logs.
        datasets_dir: read-only folder that is looked at before cache and download, or None.
        cache_dir: where data sets are downloaded to and kept decoded.
        runpod, s3: of remote trials; empty where they are not set up.
        webhook: address that notices of runs are sent to, which may hold a secret; '' for none.
    """

    storage_url: str = field(repr=False)
    results_dir: Path
    datasets_dir: Path | None
    cache_dir: Path
    runpod: RunPodSettings = RunPodSettings()
    s3: S3Settings = S3Settings()
    webhook: str = field(default="", repr=False)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Settings:
        results_dir = Path(environ.get("ONEGIN_RESULTS_DIR") or "results").absolute()
        datasets_dir = environ.get("ONEGIN_DATASETS_DIR")
        return cls(
            storage_url=environ.get("ONEGIN_STORAGE_URL") or f"sqlite:///{results_dir / 'onegin.db'}",
            results_dir=results_dir,
            datasets_dir=Path(datasets_dir).absolute() if datasets_dir else None,
            cache_dir=Path(platformdirs.user_cache_dir("onegin")) / "datasets",
            runpod=RunPodSettings(
                api_key=environ.get("RUNPOD_API_KEY", ""),
                endpoint_id=environ.get("RUNPOD_ENDPOINT_ID", ""),
                base_url=(environ.get("RUNPOD_ENDPOINT_BASE_URL") or RUNPOD_URL).rstrip("/"),
            ),
            s3=S3Settings(
                endpoint_url=environ.get("ONEGIN_S3_ENDPOINT_URL", ""),
                bucket=environ.get("ONEGIN_S3_BUCKET", ""),
                region=environ.get("AWS_REGION", ""),
                access_key=environ.get("AWS_ACCESS_KEY_ID", ""),
                secret_key=environ.get("AWS_SECRET_ACCESS_KEY", ""),
            ),
            webhook=environ.get("ONEGIN_WEBHOOK_URL", ""),
        )

    @property
    def log_file(self) -> Path:
        """The log that every way of starting a run writes to."""
        return self.results_dir / "logs" / "onegin.log"

    @property
    def artifacts_dir(self) -> Path:
        """The artefact store of all runs, which `optuna-dashboard --artifact-dir` shows."""
        return self.results_dir / "artifacts"
