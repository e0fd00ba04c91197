"""The faults of the crash matrix: an AWS call is killed, cut off, refused or denied."""

from __future__ import annotations

import json
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path

from botocore.exceptions import ConnectionClosedError

from mysfits_stream.config import AlarmsConfig, ApiConfig, Config, ProcessorConfig, QueryConfig
from mysfits_stream.errors import MysfitsStreamError, ProvisionError
from mysfits_stream.localcloud.http.calls import Call
from mysfits_stream.localcloud.http.messages import Response
from mysfits_stream.localcloud.http.refusals import refused
from mysfits_stream.localcloud.server import LocalCloud
from mysfits_stream.operations.project import Project
from mysfits_stream.operations.rollback import rollback
from mysfits_stream.operations.up import up
from mysfits_stream.provision.alarms import kinds
from mysfits_stream.provision.engine import Goal, Progress, converge, survey, translated
from mysfits_stream.provision.resources.emptying import contents
from mysfits_stream.provision.stack import Stack
from mysfits_stream.provision.verify_deleted import verify_deleted
from tests.support.clock import START, Clock
from tests.support.in_process import ACCOUNT_ID, ENDPOINT, ApiCall, InProcess, Send
from tests.support.packages import package
from tests.upgrade import recorded

DOMAIN = "clicks.example.com"
CONFIG = Config(
    mysfits_api=f"{ENDPOINT}/_mysfits",
    api=ApiConfig(domain=DOMAIN, certificate_arn=f"arn:aws:acm:eu-west-1:{ACCOUNT_ID}:certificate/1"),
    query=QueryConfig(athena=True),
    alarms=AlarmsConfig(email="me@example.com"),
)
CHANGED = replace(
    CONFIG,
    processor=ProcessorConfig(memory_mb=512, retries=5),
    api=ApiConfig(
        allowed_origins=("https://www.example.com",),
        rate_limit=50,
        stage="live",
        domain=DOMAIN,
        certificate_arn=f"arn:aws:acm:eu-west-1:{ACCOUNT_ID}:certificate/2",
    ),
    query=QueryConfig(athena=True, results_expire_days=1, scan_limit_gb=1),
    alarms=AlarmsConfig(email="me@example.com", quiet_minutes=30, usual_hours="Mon-Fri 06:00-22:00"),
)
BARE = Config(mysfits_api=CONFIG.mysfits_api)
"""Nothing optional."""

NAMES = (
    "RoleName",
    "FunctionName",
    "DeliveryStreamName",
    "logGroupName",
    "logGroupNamePrefix",
    "Bucket",
    "WorkGroup",
    "DatabaseName",
    "AlarmName",
    "AlarmNames",
    "ResourceARN",
    "TopicArn",
    "domainName",
)


TAGGING = "resource-groups-tagging-api"
SIGNING_NAMES = {"cloudwatch-logs": "logs", "api-gateway": "apigateway", TAGGING: "tagging"}
"""Names of services in requests, where botocore's events have others."""

TAGS = "(tags)"
"""Stands for the resource of a search by tags."""


class Killed(BaseException):
    """The process is dead: nothing of it runs any more, whatever it wanted to clean up."""


@dataclass(frozen=True, order=True)
class Which:
    """One call of a run, whatever thread makes it: the n-th of an operation on a resource."""

    operation: str
    resource: str
    occurrence: int

    def __str__(self) -> str:
        return f"{self.operation}({self.resource})#{self.occurrence}"

    def differs(self, harm: str) -> bool:
        """Whether the case shows something that no other case of the run does."""
        if harm in EFFECTS_ONLY and self.operation.startswith(READS):
            return False
        return not any(name in self.resource for name in REPRESENTED)


Harm = Callable[["Case", ApiCall, Send], Response]


class Case:
    """One run in which one call comes to harm."""

    def __init__(self, which: Which | None, harm: Harm | None, state: Path) -> None:
        self.which = which
        self.harm = harm
        self.reached = False
        self.calls: list[Which] = []
        self._state = state
        self._seen: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()
        self._dead = False
        self._state_at_death: bytes | None = None

    def intercept(self, call: ApiCall, send: Send) -> Response:
        """Stand between the deployer and the cloud."""
        with self._lock:
            if self._dead:
                raise Killed
            which = self._identify(call)
            self.calls.append(which)
            mine = which == self.which
            self.reached |= mine
        return self.harm(self, call, send) if mine and self.harm else send()

    def die(self) -> None:
        """End the process: no call, and nothing on disk, from now on."""
        with self._lock:
            self._dead = True
            self._state_at_death = self._state.read_bytes() if self._state.exists() else None
        raise Killed

    def bury(self) -> None:
        """Wait for the threads of the dead, and undo what they wrote after its end."""
        for thread in threading.enumerate():
            if thread.name.startswith("converge"):
                thread.join()
        if self._state_at_death is None:
            self._state.unlink(missing_ok=True)
        else:
            self._state.write_bytes(self._state_at_death)

    def _identify(self, call: ApiCall) -> Which:
        given = call.parameters
        resource = next((str(given[name]) for name in NAMES if given.get(name)), "")
        if call.service == TAGGING:
            resource = TAGS  # API Gateway has an operation of the same name
        self._seen[call.operation, resource] += 1
        return Which(call.operation, resource, self._seen[call.operation, resource])


# What may happen to a call


def killed_before(case: Case, call: ApiCall, send: Send) -> Response:
    case.die()
    raise AssertionError("the dead do not go on")


def killed_after(case: Case, call: ApiCall, send: Send) -> Response:
    send()
    case.die()
    raise AssertionError("the dead do not go on")


def reset_before(case: Case, call: ApiCall, send: Send) -> Response:
    raise ConnectionClosedError(endpoint_url="https://aws")


def reset_after(case: Case, call: ApiCall, send: Send) -> Response:
    send()
    raise ConnectionClosedError(endpoint_url="https://aws")


def repeated(case: Case, call: ApiCall, send: Send) -> Response:
    """The answer is lost and botocore sends the call again, which meets its own effect (F6)."""
    send()
    return send()


def throttled(case: Case, call: ApiCall, send: Send) -> Response:
    status, code = THROTTLED.get(call.service, (400, "ThrottlingException"))
    return refused(_as_call(call), status, code, "Rate exceeded")


def failed(case: Case, call: ApiCall, send: Send) -> Response:
    return Response(500)


def denied(case: Case, call: ApiCall, send: Send) -> Response:
    code = "AccessDenied" if call.service in ("iam", "s3") else "AccessDeniedException"
    message = (
        f"User: arn:aws:iam::123456789012:user/somebody is not authorized to perform: "
        f"{call.service}:{call.operation} because no identity-based policy allows it"
    )
    return refused(_as_call(call), 403, code, message)


HARMS: dict[str, Harm] = {
    "killed before": killed_before,
    "killed after": killed_after,
    "reset before": reset_before,
    "reset after": reset_after,
    "sent twice": repeated,
    "throttled": throttled,
    "fails with 500": failed,
    "denied": denied,
}
EFFECTS_ONLY = ("killed after", "reset after", "sent twice")
"""Harms that differ from the others only for a call that changes something: AWS forgets a read at once."""
READS = ("Get", "List", "Describe", "Head")
THROTTLED = {
    "iam": (400, "Throttling"),
    "s3": (503, "SlowDown"),
    "lambda": (429, "TooManyRequestsException"),
    "apigateway": (429, "TooManyRequestsException"),
}


def _as_call(call: ApiCall) -> Call:
    service = SIGNING_NAMES.get(call.service, call.service)
    # botocore speaks JSON to CloudWatch, which has the query protocol, too.
    return Call(service, call.operation, "eu-west-1", json=service == "cloudwatch")


# The runs


@dataclass(frozen=True)
class Run:
    """A command, and what is there before it."""

    before: Callable[[World], None]
    command: Callable[[World], None]
    after: Callable[[World], Iterator[str]]
    """What is wrong once it has finished."""


@dataclass
class World:
    """An account with nothing in it, and a directory with a state file in it."""

    cloud: LocalCloud
    clock: Clock
    aws: InProcess
    directory: Path
    notes: list[str] = field(default_factory=list)
    """What the command of a case said beside its result."""

    _begun: set[str] = field(default_factory=set)

    @property
    def path(self) -> Path:
        """The state file."""
        return Project(CONFIG, self.directory, self.aws.target).state_path

    def begin(self, run: str) -> None:
        """Be as before this run: made once, and kept for the next time."""
        kept = self.directory / run.replace(" ", "-")
        self.clock.now = START
        self.notes.clear()
        self.path.unlink(missing_ok=True)
        if run not in self._begun:
            self.cloud.reset()
            RUNS[run].before(self)
            self.cloud.control_plane.save(kept)
            if self.path.exists():
                shutil.copy(self.path, kept)
            self._begun.add(run)
            return
        self.cloud.control_plane.load(kept)
        if (kept / self.path.name).exists():
            shutil.copy(kept / self.path.name, self.path)

    def resources(self, config: Config) -> Stack:
        """The stack; changed settings come with changed code."""
        return self.aws.resources(config, package=OTHER_CODE if config is CHANGED else None)

    def up(self, config: Config = CONFIG) -> None:
        """Bring the stack up."""
        converge(self.resources(config), self.aws.state(self.path, config), goal=Goal.PRESENT)

    def up_bare(self) -> None:
        """Bring the stack up without anything optional, which deletes the optional resources."""
        up(Project(BARE, self.directory, self.aws.target, self.notes.append), Silent())

    def roll_back(self) -> None:
        """Point the alias to the first version; tolerate an alias of an earlier run."""
        try:
            rollback(Project(CONFIG, self.directory, self.aws.target), "1")
        except ProvisionError as error:
            if "names version 1 already" not in str(error):
                raise

    def down(self) -> None:
        """Take the stack down, clicks and all, and prove it."""
        aws, state = self.aws, self.aws.state(self.path, CONFIG)
        resources = aws.resources(CONFIG, delete_data=True)
        for change in converge(resources, state, goal=Goal.ABSENT, dry_run=True):
            if change.resource.name == "clicks-bucket" and change.observed:
                with translated("clicks-bucket", "count the clicks"):
                    contents(aws.clients.s3, change.observed.id)
        converge(resources, state, goal=Goal.ABSENT)
        verify_deleted(resources, CONFIG.stack, aws.tagging, aws.clients.apigateway, aws.pace)

    def put_clicks(self) -> None:
        """Leave objects in the bucket, of which one is deleted and one has two versions."""
        s3, bucket = self.aws.clients.s3, "mysfits-clicks-123456789012-eu-west-1"
        for key in ("firehose/1", "firehose/2", "firehose/2", "firehose/3"):
            s3.put_object(Bucket=bucket, Key=key, Body=b"{}")
        s3.delete_object(Bucket=bucket, Key="firehose/3")

    def log_requests(self) -> None:
        """Leave the execution logs that API Gateway makes (F78), also of a deleted stage."""
        [api] = self.aws.clients.apigateway.get_rest_apis()["items"]
        for stage in ("old", CONFIG.api.stage):
            self.aws.clients.logs.create_log_group(
                logGroupName=f"API-Gateway-Execution-Logs_{api['id']}/{stage}"
            )

    def everything(self) -> dict[str, list[str]]:
        """Everything that there is in the account."""
        clients, domain = self.aws.clients, self.aws.resources(CONFIG).clicks_domain
        return {
            "roles": sorted(role["RoleName"] for role in clients.iam.list_roles()["Roles"]),
            "buckets": sorted(bucket["Name"] for bucket in clients.s3.list_buckets()["Buckets"]),
            "functions": sorted(f["FunctionName"] for f in clients.function.list_functions()["Functions"]),
            "streams": sorted(clients.firehose.list_delivery_streams()["DeliveryStreamNames"]),
            "stages": sorted(
                f"{api['name']}/{stage['stageName']}"
                for api in clients.apigateway.get_rest_apis()["items"]
                for stage in clients.apigateway.get_stages(restApiId=api["id"])["item"]
            ),
            "apis": sorted(api["name"] for api in clients.apigateway.get_rest_apis()["items"]),
            "log groups": sorted(g["logGroupName"] for g in clients.logs.describe_log_groups()["logGroups"]),
            "tables": sorted(
                f"{database['Name']}.{table['Name']}"
                for database in clients.glue.get_databases()["DatabaseList"]
                for table in [
                    *clients.glue.get_tables(DatabaseName=database["Name"])["TableList"],
                    {"Name": ""},
                ]
            ),
            "workgroups": sorted(
                group["Name"]
                for group in clients.athena.list_work_groups()["WorkGroups"]
                if group["Name"] != "primary"
            ),
            "alarms": sorted(a["AlarmName"] for a in clients.cloudwatch.describe_alarms()["MetricAlarms"]),
            "topics": sorted(
                topic["TopicArn"].rsplit(":", 1)[1] for topic in clients.sns.list_topics()["Topics"]
            ),
            "domains": [DOMAIN] if domain and domain.find() else [],
        }

    def wrong_when_up(self, config: Config) -> Iterator[str]:
        """What is not as it is after an undisturbed ``up``."""
        expected = {**WHOLE, "stages": [f"{STACK}/{config.api.stage}"]}
        if config is BARE:
            expected |= {kind: [] for kind in OPTIONAL}
        if self.everything() != expected:
            yield f"there is {self.everything()}"
        observed = {}
        for change in survey(self.resources(config), Goal.PRESENT, config.stack):
            if change.status != "in-sync" or change.observed is None:
                yield f"{change.resource.name} is {change.status}: {change.diff}"
            else:
                observed[change.resource.name] = change.observed.arn
        noted = {name: entry["arn"] for name, entry in json.loads(self.path.read_text())["resources"].items()}
        if noted != observed:
            yield f"the state file says {noted}, AWS says {observed}"

    def wrong_when_rolled_back(self) -> Iterator[str]:
        """What is not as an undisturbed ``rollback`` leaves the stack, and then as ``up`` does."""
        live = self.resources(CHANGED).processor_live
        if (version := live.find()["FunctionVersion"]) != "1":
            yield f"the alias names version {version}"
        drifted = [
            change.resource.name
            for change in survey(self.resources(CHANGED), Goal.PRESENT, STACK)
            if change.status != "in-sync"
        ]
        if drifted != [live.name]:
            yield f"after the rollback {drifted} drifted"
        self.up(CHANGED)
        yield from self.wrong_when_up(CHANGED)

    def wrong_when_down(self) -> Iterator[str]:
        """What is still there after ``down``."""
        if left := {kind: names for kind, names in self.everything().items() if names}:
            yield f"left: {left}"
        if self.path.exists():
            yield f"the state file says {self.path.read_text()}"


STACK = CONFIG.stack
WHOLE = {
    "roles": [f"{STACK}-eu-west-1-{service}" for service in ("api", "delivery", "processor")],
    "buckets": [f"{STACK}-123456789012-eu-west-1"],
    "functions": [f"{STACK}-processor"],
    "streams": [f"{STACK}-clicks"],
    "apis": [STACK],
    "tables": ["mysfits_clicks.", "mysfits_clicks.clicks_raw"],
    "workgroups": [STACK],
    "alarms": sorted(f"{STACK}-{kind.name}" for kind in kinds(CONFIG)),
    "topics": [f"{STACK}-alarms"],
    "domains": [DOMAIN],
    "log groups": [f"/aws/kinesisfirehose/{STACK}-clicks", f"/aws/lambda/{STACK}-processor"],
}


OPTIONAL = ("tables", "workgroups", "alarms", "topics", "domains")
OTHER_CODE = partial(package, release="changed")


class Silent:
    """Receives the progress of a run, and shows nothing."""

    def notify(self, progress: Progress) -> None:
        """Ignore the progress."""

    def waiting(self, name: str, text: str) -> None:
        """Ignore a wait."""


REPRESENTED = tuple(f"{STACK}-{kind.name}" for kind in kinds(CONFIG)[2:])
"""Alarms are of one class and do not depend on each other: two of them stand for all."""


def _nothing(world: World) -> None:
    """There is nothing before it."""


def _used(world: World) -> None:
    world.up()
    world.put_clicks()
    world.log_requests()


def _changed(world: World) -> None:
    world.up()
    world.up(CHANGED)


def _of_0_1_0(world: World) -> None:
    world.path.write_text(recorded.deploy(cache(world.aws.client), f"{ENDPOINT}/_mysfits"), encoding="utf-8")


RUNS = {
    "up": Run(_nothing, World.up, lambda world: world.wrong_when_up(CONFIG)),
    "up with changes": Run(
        World.up, lambda world: world.up(CHANGED), lambda world: world.wrong_when_up(CHANGED)
    ),
    "up without options": Run(World.up, World.up_bare, lambda world: world.wrong_when_up(BARE)),
    "rollback": Run(_changed, World.roll_back, World.wrong_when_rolled_back),
    "upgrade from 0.1.0": Run(_of_0_1_0, World.up, lambda world: world.wrong_when_up(CONFIG)),
    "down": Run(_used, World.down, World.wrong_when_down),
}


def perform(world: World, name: str, which: Which | None, harm: Harm | None) -> tuple[Case, list[str]]:
    """One case: the run with its harm, then once more without; and what is wrong after that."""
    run = RUNS[name]
    world.begin(name)
    case = Case(which, harm, world.path)
    wrong: list[str] = []
    finished = False
    world.aws.intercept = case.intercept
    try:
        run.command(world)
        finished = True
    except Killed:
        case.bury()
    except MysfitsStreamError as error:
        text = str(error)
        if "\n" in text or len(text) < 20:
            wrong.append(f"not one clear line: {text!r}")
        if harm is denied and not any(reason in text for reason in ("operator-policy", "left alone")):
            wrong.append(f"does not say what is denied: {text}")
    except Exception as error:
        wrong.append(f"not translated: {type(error).__name__}: {error}")
    finally:
        world.aws.intercept = lambda call, send: send()
    if which and not case.reached:
        wrong.append("this call was not made")
    if harm is denied and finished:
        if which is None or which.resource != TAGS:
            wrong.append("went on although it was denied")
        elif not any("GetResources" in note for note in world.notes):
            wrong.append("does not say that the search for earlier buckets is denied")
    try:
        if not finished:
            run.command(world)
        wrong += run.after(world)
    except Exception as error:
        wrong.append(f"does not heal: {type(error).__name__}: {error}")
    return case, wrong
