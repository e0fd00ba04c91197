"""The background process of the local cloud: ``python -m mysfits_stream.local_site DIRECTORY OPTIONS``.

``daemon.py`` starts, finds and stops the process.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from mysfits_stream.local_site.cloud import local_cloud
from mysfits_stream.localcloud.daemon.serving import main

if __name__ == "__main__":
    main(local_cloud, Path(sys.argv[1]), json.loads(sys.argv[2]))
