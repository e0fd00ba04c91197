"""``Code.Location`` of GetFunction: a URL of the local cloud for downloading the zip.

The URL is signed like AWS's, with the caller's access key in the query, so any HTTP client can download.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote, unquote, urlencode

from mysfits_stream.localcloud.awslambda.function import Function
from mysfits_stream.localcloud.http.messages import CREDENTIAL_SCOPE, Request, Response, json_response

PATH = re.compile(r"/_code/(?P<function>[^/]+)")


def with_local_location(request: Request, response: Response) -> Response:
    """The answer of GetFunction with a location in the local cloud in place of moto's."""
    document = response.json()
    arn = document["Configuration"]["FunctionArn"]
    signed = CREDENTIAL_SCOPE.search(request.headers.get("authorization", ""))
    query = urlencode({"X-Amz-Credential": signed[0].removeprefix("Credential=") if signed else ""})
    host = request.headers.get("host", "localhost")
    document["Code"] = {
        "RepositoryType": "S3",
        "Location": f"http://{host}/_code/{quote(arn, safe='')}?{query}",
    }
    return json_response(200, document, {"x-amzn-RequestId": response.headers.get("x-amzn-RequestId", "")})


def download(request: Request, find: Callable[[str], Function | None]) -> Response | None:
    """The zip of a location; None for unrelated requests."""
    path = PATH.fullmatch(request.path)
    if path is None or request.method != "GET":
        return None
    function = find(unquote(path["function"]))
    if function is None:
        return json_response(404, {"Message": f"Function not found: {unquote(path['function'])}"})
    return Response(200, {"Content-Type": "application/zip"}, function.zip_bytes)
