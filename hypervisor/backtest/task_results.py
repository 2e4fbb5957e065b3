"""Results of a job's tasks, each written once under the key of its task."""

import os
import pickle
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from hypervisor.backtest.model import BacktestError
from hypervisor.backtest.results import Results


@dataclass(frozen=True, kw_only=True)
class TaskResults:
    """A file per task. A job that was stopped continues from them; removed when it is done."""

    folder: Path

    def get(self, key: str) -> Results | None:
        """The results of a task that was done before."""
        try:
            written = (self.folder / key).read_bytes()
        except FileNotFoundError:
            return None
        results: Results = pickle.loads(written)  # noqa: S301  our own file
        return results

    def put(self, key: str, results: Results) -> None:
        """Keep the results of a task; done a second time, it must have the same.

        BacktestError: it has not, so that the job is not a function of its inputs.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        unfinished = self.folder / f"{secrets.token_hex(8)}.tmp"
        unfinished.write_bytes(pickle.dumps(results))
        try:
            os.link(unfinished, self.folder / key)  # fails where there is one
        except FileExistsError:
            if self.get(key) != results:
                raise BacktestError("task {key} was done twice, with two results", key) from None
        finally:
            unfinished.unlink()

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
