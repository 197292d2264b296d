"""The metrics of a run as files of TensorBoard, beside metrics.jsonl: `tensorboard --logdir var/runs` compares runs."""

from tensorboardX import SummaryWriter

from rlhf.contract.rundir import RunDirectory

FLUSH_SECONDS = 10


class ShownDirectory(RunDirectory):
    """A run's directory that writes each metric to RUN_DIR/tensorboard/, too.

    An attempt that goes on begins with what was measured before, so that each attempt's curves are whole.
    """

    _writer: SummaryWriter | None = None

    def append_metric(self, step: int, values: dict[str, float]) -> None:
        if self._writer is None:
            self._writer = SummaryWriter(str(self.path / "tensorboard"), flush_secs=FLUSH_SECONDS)
            for row in self.read_metrics():
                self._write(row["step"], row["values"])
        super().append_metric(step, values)
        self._write(step, values)

    def close(self) -> None:
        """Write out what is in memory."""
        if self._writer is not None:
            self._writer.close()

    def _write(self, step: int, values: dict[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)
