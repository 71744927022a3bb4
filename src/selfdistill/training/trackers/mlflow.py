"""MLflow: a database in the run directory, unless MLFLOW_TRACKING_URI says otherwise."""

import logging
import os
import time
from contextlib import suppress

from .base import Ending, TrackedRun, Tracker

TAG = "selfdistill.id"
"""By which a run is found again, in whatever store."""
STATUS = {"finished": "FINISHED", "stopped": "KILLED", "failed": "FAILED"}


class MLflow(Tracker):
    """Logs to the run that carries the run directory's identity as a tag.

    A store keeps all that it is ever told: figures that it has are not logged again.
    """

    def __init__(self, tracked: TrackedRun) -> None:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        from mlflow import MlflowClient
        from mlflow.entities import Param

        logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)
        folder = tracked.folder.resolve()
        local = f"sqlite:///{(folder / 'mlflow.db').as_posix()}"
        elsewhere = os.environ.get("MLFLOW_TRACKING_URI")
        self._client = MlflowClient(tracking_uri=elsewhere or local)
        artifacts = None if elsewhere else (folder / "mlartifacts").as_uri()
        self._run = self._find_or_create(self._experiment(artifacts), tracked)
        params = [Param(name, str(value)) for name, value in tracked.options.items()]
        self._client.log_batch(self._run, params=params)
        self._client.update_run(self._run, status="RUNNING")
        history = self._client.get_metric_history(self._run, "loss")
        self._logged = max((int(metric.step) for metric in history), default=0)
        self.where = f"run {self._run} in {'MLFLOW_TRACKING_URI' if elsewhere else local}"

    def log(self, epoch: int, values: dict[str, float], moment: float) -> None:
        """Log an epoch in one transaction."""
        if epoch > self._logged:
            self._send(epoch, values, moment)
            self._logged = epoch

    def score(self, epoch: int, values: dict[str, float]) -> None:
        """Log the scores."""
        known = self._client.get_run(self._run).data.metrics
        if not known.keys() >= values.keys():
            self._send(epoch, values, time.time())

    def close(self, ending: Ending) -> None:
        """Say how the run ended."""
        self._client.set_terminated(self._run, STATUS[ending])

    def _send(self, epoch: int, values: dict[str, float], moment: float) -> None:
        from mlflow.entities import Metric

        stamp = round(1000 * moment)
        metrics = [Metric(name, value, stamp, epoch) for name, value in values.items()]
        self._client.log_batch(self._run, metrics=metrics)

    def _find_or_create(self, experiment: str, tracked: TrackedRun) -> str:
        found = self._client.search_runs([experiment], f"tags.`{TAG}` = '{tracked.identity}'")
        if found:
            return found[0].info.run_id
        tags = {TAG: tracked.identity}
        return self._client.create_run(experiment, tags=tags, run_name=tracked.name).info.run_id

    def _experiment(self, artifacts: str | None) -> str:
        from mlflow import MlflowException

        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", "selfdistill")
        if self._client.get_experiment_by_name(name) is None:
            with suppress(MlflowException):  # another run may make it at this moment
                self._client.create_experiment(name, artifact_location=artifacts)
        found = self._client.get_experiment_by_name(name)
        assert found is not None
        return found.experiment_id
