"""A registered model, told elsewhere where the user asked for it: MLflow's files, a repository of Hugging Face.

Nothing here runs unless the configuration says so.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from whence_indexer import extras
from whence_server.models.places import check_online
from whence_training.errors import ConfigError, ExportError

_INNER = (".lock", "*.part", "locks/*", "**/locks/*", ".versions.lock")  # of a registry's folder


def log_mlflow(store: Path, told: Mapping[str, Any], parameters: Mapping[str, Any], files: Path) -> str:
    """Log a registration as a run of MLflow, as files in `store`; returns the run's id. Needs the `[mlflow]` extra."""
    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")  # files are what was asked for
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    try:
        from mlflow import MlflowClient
    except ModuleNotFoundError as error:
        raise ConfigError(f"registration.mlflow needs MLflow: {extras.command('mlflow')}") from error
    client = MlflowClient(tracking_uri=store.resolve().as_uri())
    name = told["model"].partition("@")[0]
    known = client.get_experiment_by_name(name)
    run = client.create_run(known.experiment_id if known else client.create_experiment(name), run_name=told["name"])
    for key, value in parameters.items():
        client.log_param(run.info.run_id, key, value)
    for key, value in told["metrics"].items():
        client.log_metric(run.info.run_id, key, value)
    for key, passed in told["gates"].items():
        client.set_tag(run.info.run_id, f"gate {key}", "passed" if passed else "failed")
    client.log_artifacts(run.info.run_id, str(files))
    client.set_terminated(run.info.run_id)
    return str(run.info.run_id)


def upload(registry: Path, told: Mapping[str, Any], api: Any = None) -> str:
    """Copy the registry to Hugging Face, from where `whence models pull --from hf://…` reads it; returns the address.

    Asks for the user's token as Hugging Face's own tools do. Raises `ExportError`, `OfflineError`.
    """
    if told["repo_id"] is None:
        raise ConfigError("registration.upload needs registration.hf_username: whose repository?")
    check_online("HF_HUB_OFFLINE")
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    api = api or HfApi()
    try:
        api.create_repo(told["repo_id"], private=told["private"], exist_ok=True)
        api.upload_folder(repo_id=told["repo_id"], folder_path=str(registry), ignore_patterns=list(_INNER),
                          commit_message=f"Add {told['name']}")  # fmt: skip
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise ExportError(f"{told['repo_id']} did not take the model: {error}") from error
    return f"hf://{told['repo_id']}"
