"""The command line, run in this process: its output and its exit code."""

from __future__ import annotations

import contextlib
import io
import signal
import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    def ok(self) -> Result:
        assert self.code == 0, f"exit {self.code}: {self.err}"
        return self

    def fails(self, code: int, *words: str) -> Result:
        """The exit code is ``code``, and one error line contains all of ``words``."""
        assert self.code == code, f"exit {self.code}: {self.err}"
        reported = [line for line in self.err.splitlines() if line.startswith("error:")]
        assert len(reported) == 1, self.err
        assert "Traceback" not in self.err
        for word in words:
            assert word in reported[0], reported[0]
        return self


def run(*words: object) -> Result:
    """Run ``vfxage words...``."""
    from vfxage.cli import main

    out, err = io.StringIO(), io.StringIO()
    argv, handlers = sys.argv, {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    sys.argv = ["vfxage", *map(str, words)]
    code = 0
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as leave:
        code = leave.code if isinstance(leave.code, int) else int(bool(leave.code))
    finally:
        sys.argv = argv
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return Result(code, out.getvalue(), err.getvalue())
