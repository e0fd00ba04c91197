"""The command ``mysfits-stream``, also as ``python -m mysfits_stream``."""

import os
import signal

INTERRUPTED = 130


def main() -> None:
    """Run the command line and exit.

    Ctrl-C during the imports ends without a traceback.
    """
    # A shell lets its background jobs ignore SIGINT.
    is_default = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_default:
        signal.signal(signal.SIGINT, _end_at_once)

    from mysfits_stream.cli import main as run

    if is_default:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    run()


def _end_at_once(*_: object) -> None:
    os.write(2, b"Stopped.\n")
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()
