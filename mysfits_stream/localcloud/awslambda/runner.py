"""A function alone: the process of Lambda's runtime, without control plane and logs.

with FunctionRunner(function) as runner:
    invocation = runner.invoke(b"{}")
"""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from types import TracebackType

from mysfits_stream.localcloud.awslambda import code_files
from mysfits_stream.localcloud.awslambda.function import Function, Invocation
from mysfits_stream.localcloud.awslambda.process import Process, run


class FunctionRunner:
    """Runs one version of a function in a process: warm between invocations, new after a crash.

    Not for several threads at once.
    """

    def __init__(self, function: Function) -> None:
        self._function = function
        self._directory = Path(tempfile.mkdtemp(prefix="mysfits-function-"))
        self._process: Process | None = None

    def __enter__(self) -> FunctionRunner:
        code_files.unpack(self._function.zip_bytes, self._directory / "code")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
        shutil.rmtree(self._directory, ignore_errors=True)

    def invoke(self, payload: bytes) -> Invocation:
        """Run the handler once and wait for the end.

        A function that fails returns an Invocation with an error.
        """
        process = self._process
        if process is None or not process.usable or not process.alive():
            self._end()
            process = self._process = Process(
                self._function, self._directory / "code", self._directory, time.time(), {}
            )
        return run(process, payload, None, time.time).invocation

    def _end(self) -> None:
        if self._process is not None:
            self._process.end()
            self._process = None
