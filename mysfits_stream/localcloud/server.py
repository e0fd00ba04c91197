"""The front of the local cloud: one WSGI application on 127.0.0.1, and how it is served.

What a request is for decides who answers it:

    /restapis/{id}/{stage}/_user_request_/…      apigateway.py, the data plane of deployed REST APIs
    X-Amz-Target Firehose_…PutRecord[Batch]      firehose.py, the data plane of delivery streams
    /2015-03-31/functions/{name}/invocations     lambda_runtime.py, the deployed zip in its own process
    /_mysfits/…                                  mysfits.py, the stand-in Mysfits service
    /_local/…                                    this file: health and administration
    everything else                              control_plane, what AWS would store

Only this file knows all of them; they know each other as functions.
"""

from __future__ import annotations
