"""Running of jobs in the worker: one at a time, with queries alongside."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from kdnet.errors import KDNetError
from KDNetLib.PollTimer import PollTimer
from KDNetLib.Worker import Failure, Worker
from slicer.i18n import tr as _

from KDNetSegmentationLib.Jobs import Job, unexpected_failure
from KDNetSegmentationLib.Settings import Progress, SegmentationError

Failed = Callable[[Failure], None]
Progressed = Callable[[Progress], None]
T = TypeVar("T")


class JobRunner:
    """Sends jobs to one persistent worker and delivers their results.

    Args:
        worker: worker that computes; replaceable in tests.
    """

    def __init__(self, worker: Worker | None = None) -> None:
        self.worker = worker or Worker()
        self._timer = PollTimer(self.poll)
        self._job: Job[Any] | None = None
        self._queries: list[Job[Any]] = []  # alongside the job

    @property
    def busy(self) -> bool:
        """Whether work is in progress."""
        return self._job is not None

    @property
    def running(self) -> bool:
        """Whether the worker is running."""
        return self.worker.running

    @property
    def warm(self) -> bool:
        """Whether the worker is running and has finished its imports."""
        return self.worker.warm

    def cancel(self) -> None:
        """Cancel the work in progress immediately; the scene is unchanged.

        No more callbacks follow, except that an import fails: another module may have started it.
        """
        job = self._job
        if job is not None:
            self.worker.cancel()
            self._end()
            self._dropQueries()
            if job.canceledText:
                job.onFailed(Failure(job.canceledText))

    def cancelSceneWork(self) -> bool:
        """Cancel the work in progress if it is useless once the scene is closed; return whether it was."""
        if self._job is None or not self._job.needsScene:
            return False
        self.cancel()
        return True

    def cleanup(self) -> None:
        """Stop the worker, for example when the module is unloaded; queries end with an empty failure."""
        self.cancel()
        self.worker.cancel()
        self._dropQueries()

    def poll(self) -> None:
        """Process the worker's answers. Called automatically while Qt's event loop runs."""
        self.worker.poll()

    def _begin(self, job: Job[T], onFinished: Callable[[T], None], onFailed: Failed, onProgress: Progressed) -> None:
        if self._job is not None:
            raise RuntimeError(_("Another task is running: wait for it to finish, or cancel it first."))

        def finished(result: T) -> None:
            self._end()
            onFinished(result)

        def failed(failure: Failure) -> None:
            self._end()
            onFailed(failure)

        self._job = job
        job.onFinished, job.onFailed, job.onProgress = finished, failed, onProgress
        onProgress(Progress("prepare" if self.worker.warm else "start"))
        request = None
        try:
            request = job.request()
        except KDNetError as error:
            failed(Failure(str(error)))
        except (OSError, MemoryError, ValueError) as error:
            failed(_not_sent(error))
        finally:
            if request is None and self._job is job:  # a bug in our code, which Qt only prints: do not stay busy
                failed(unexpected_failure())
        if request is None:
            return
        self.worker.submit(request, job)
        self._timer.start()

    def _query(self, job: Job[T], onFinished: Callable[[T], None], onFailed: Failed) -> None:
        """Run a job alongside other work; :meth:`cancel` also cancels it, with an empty failure."""
        job.onFinished, job.onFailed = self._alongside(job, onFinished), self._alongside(job, onFailed)
        self._queries.append(job)
        request = None
        try:
            request = job.request()
        except KDNetError as error:
            job.onFailed(Failure(str(error)))
        except (OSError, MemoryError, ValueError) as error:
            job.onFailed(_not_sent(error))
        finally:
            if request is None and job in self._queries:
                job.onFailed(unexpected_failure())
        if request is not None:
            self.worker.submit(request, job)
            self._timer.start()

    def _dropQueries(self) -> None:
        for job in tuple(self._queries):
            job.failed(Failure(""))

    def _alongside(self, job: Job[Any], callback: Callable[[T], None]) -> Callable[[T], None]:
        def ended(outcome: T) -> None:
            self._queries.remove(job)
            self._stopIfIdle()
            job.close()
            callback(outcome)

        return ended

    def _stopIfIdle(self) -> None:
        if self._job is None and not self._queries:
            self._timer.stop()

    def _end(self) -> None:
        job, self._job = self._job, None
        self._stopIfIdle()
        if job is not None:
            job.close()

    def _waited(self, start: Callable[..., None], *arguments: Any, **options: Any) -> Any:
        results: list[Any] = []
        failures: list[Failure] = []
        try:
            start(*arguments, onFinished=results.append, onFailed=failures.append, **options)
        except KDNetError as error:
            raise SegmentationError(Failure(str(error))) from error
        while not results and not failures:
            self.poll()
            time.sleep(0.005)
        if failures:
            raise SegmentationError(failures[0])
        return results[0]


def _not_sent(error: Exception) -> Failure:
    reason = _("Could not send the volume to the worker ({error}): free memory or disk space, and try again.")
    return Failure(reason.format(error=error))
