"""``python -m mysfits_stream`` is the command ``mysfits-stream``."""

from mysfits_stream.cli import main

if __name__ == "__main__":
    main()
