"""The daemon of the local cloud: ``python -m mysfits_stream.local_site DIRECTORY OPTIONS``.

``daemon.py`` starts, finds and stops the process.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mysfits_stream.localcloud.daemon.serving import main

if TYPE_CHECKING:
    from mysfits_stream.localcloud.server import LocalCloud


def make_cloud(*arguments: Any, **options: Any) -> LocalCloud:
    """The local cloud, imported when needed."""
    from mysfits_stream.local_site.cloud import local_cloud

    return local_cloud(*arguments, **options)


if __name__ == "__main__":
    main(make_cloud, Path(sys.argv[1]), json.loads(sys.argv[2]))
