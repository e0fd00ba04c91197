"""The local cloud in the background: started once, found again, gone when it is stopped."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from botocore.exceptions import ClientError

from mysfits_stream import __version__
from mysfits_stream.errors import StateError, TargetError
from mysfits_stream.local_site import daemon
from mysfits_stream.local_site.cloud import local_cloud
from mysfits_stream.localcloud import daemon as library
from mysfits_stream.localcloud.daemon import administration
from mysfits_stream.localcloud.daemon.files import DaemonError, Files, Running
from mysfits_stream.localcloud.daemon.serving import serve
from mysfits_stream.localcloud.settings import Settings
from mysfits_stream.operations import local as operations
from mysfits_stream.output import local as output

pytestmark = pytest.mark.slow


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """Where a local cloud's files are kept; none is left running in it."""
    directory = tmp_path / ".mysfits-stream"
    yield directory
    daemon.stop(directory)


def client(running: Running, service: str) -> Any:
    name: Any = service
    return boto3.client(
        name,
        region_name="us-east-1",
        endpoint_url=running.endpoint,
        aws_access_key_id=running.access_key_id,
        aws_secret_access_key="test",
    )


def stop_process(pid: int) -> None:
    """Stop a child, as a debugger or a starved machine does, and wait until it stands still."""
    os.kill(pid, signal.SIGSTOP)
    os.waitpid(pid, os.WUNTRACED)


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_starts_once_is_found_again_and_is_gone_after_stop(directory: Path) -> None:
    running = daemon.ensure(directory, Settings())
    assert daemon.ensure(directory, Settings()) == running
    assert daemon.find(directory) == running
    health = requests.get(f"{running.endpoint}/_local/health", timeout=10).json()
    assert (health["pid"], health["identity"]) == (running.pid, running.identity)
    assert daemon.stop(directory) == running
    assert not exists(running.pid)
    assert daemon.find(directory) is None
    assert daemon.stop(directory) is None


def test_the_access_key_is_the_owners_secret_and_another_after_a_restart(directory: Path) -> None:
    first = daemon.ensure(directory, Settings())
    assert Files(directory).state.stat().st_mode & 0o777 == 0o600
    assert client(first, "sts").get_caller_identity()["Account"]
    daemon.stop(directory)
    second = daemon.ensure(directory, Settings())
    assert second.access_key_id not in ("", first.access_key_id)
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        client(replace(second, access_key_id=first.access_key_id), "sts").get_caller_identity()


def is_loaded(running: Running) -> bool:
    health = daemon.health(running)
    assert health is not None
    return bool(health["loaded"])


def test_moto_is_loaded_by_the_first_call(directory: Path) -> None:
    running = daemon.ensure(directory, Settings())
    assert daemon.held_clicks(running) == 0
    assert not is_loaded(running), "nobody has called"
    assert client(running, "sts").get_caller_identity()["Account"]
    assert is_loaded(running)
    assert daemon.held_clicks(running) == 0


def test_moto_is_loaded_before_the_first_call_that_is_announced(directory: Path) -> None:
    running = daemon.ensure(directory, Settings(), load=True)
    waited = threading.Event()
    assert any(is_loaded(running) or waited.wait(0.05) for _ in range(600))


def test_a_local_cloud_that_is_loading_stops(directory: Path) -> None:
    running = daemon.ensure(directory, Settings(), load=True)
    assert daemon.stop(directory) == running
    assert not exists(running.pid)
    assert Files(directory).log_tail(1)[0].endswith("ended")


def test_access_and_origins_change_while_it_runs(directory: Path) -> None:
    running = daemon.ensure(directory, Settings())
    stranger = client(replace(running, access_key_id="test"), "sts")
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        stranger.get_caller_identity()
    daemon.ensure(directory, Settings(access="open", allowed_origins=("http://localhost:8000",)))
    assert stranger.get_caller_identity()["Account"]
    health = requests.get(f"{running.endpoint}/_local/health", timeout=10).json()
    assert health["settings"]["allowed_origins"] == ["http://localhost:8000"]


def test_commands_at_the_same_moment_start_one(directory: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        started = list(pool.map(lambda _: daemon.ensure(directory, Settings()), range(4)))
    assert len({running.pid for running in started}) == 1


def test_nothing_of_the_users_aws_settings_gets_in(directory: Path, tmp_path: Path) -> None:
    hostile = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_PROFILE": "not-there",
        "AWS_ACCESS_KEY_ID": "AKIAREAL",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "MOTO_ACCOUNT_ID": "999999999999",
        "HOME": str(tmp_path),
    }
    models = tmp_path / ".aws/models/sts/2011-06-15/service-2.json"
    models.parent.mkdir(parents=True)
    models.write_text('{"metadata": {"serviceId": "STS"}, "operations": {}, "shapes": {}}')
    program = (
        "import sys; from pathlib import Path; from mysfits_stream.localcloud.settings import Settings;"
        "from mysfits_stream.local_site import daemon; daemon.ensure(Path(sys.argv[1]), Settings())"
    )
    command = [sys.executable, "-c", program, str(directory)]
    subprocess.run(command, env=os.environ | hostile, check=True, timeout=60)
    running = daemon.find(directory)
    assert running is not None
    environment = Path(f"/proc/{running.pid}/environ")
    if environment.exists():
        names = {entry.partition(b"=")[0] for entry in environment.read_bytes().split(b"\0")}
        assert {b"MALLOC_ARENA_MAX", b"MALLOC_TRIM_THRESHOLD_"} <= names
        assert names.isdisjoint(
            {b"AWS_ENDPOINT_URL", b"AWS_PROFILE", b"AWS_ACCESS_KEY_ID", b"MOTO_ACCOUNT_ID"}
        )
    assert client(running, "sts").get_caller_identity()["Account"] == "123456789012"


def test_a_taken_port_is_one_clear_line(directory: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(TargetError, match=f"^port {port} is in use by another program"):
            daemon.ensure(directory, Settings(port=port))


def test_another_port_than_the_running_one_is_refused(directory: Path) -> None:
    running = daemon.ensure(directory, Settings())
    other = 1024 if running.port != 1024 else 1025
    with pytest.raises(TargetError, match=f"runs on port {running.port}, configured is {other}"):
        daemon.ensure(directory, Settings(port=other))


def test_changed_settings_reach_the_running_one(directory: Path) -> None:
    running = daemon.ensure(directory, Settings(time_scale=120))
    changed = daemon.ensure(directory, Settings(time_scale=60))
    assert changed == replace(running, time_scale=60)


def test_settings_that_it_refuses_are_an_error_with_its_reason(directory: Path) -> None:
    running = daemon.ensure(directory, Settings())
    with pytest.raises(DaemonError, match=r"^the local cloud does not take its settings: time_scale: \S+"):
        administration.change_settings(running, {"time_scale": -1})


def test_behavior_and_seed_are_changed_each_alone(directory: Path) -> None:
    running = daemon.ensure(directory, Settings())

    def behavior() -> tuple[str, int]:
        settings = requests.get(f"{running.endpoint}/_local/health", timeout=10).json()["settings"]
        return settings["behavior"], settings["seed"]

    daemon.set_behavior(running, behavior="aws")
    daemon.set_behavior(running, seed=9)
    assert behavior() == ("aws", 9)
    # What is not configured stays as it was told to be.
    daemon.ensure(directory, Settings())
    assert behavior() == ("aws", 9)
    daemon.ensure(directory, Settings(behavior="aws", seed=3))
    assert behavior() == ("aws", 3)
    daemon.set_behavior(running, behavior="instant")
    assert behavior() == ("instant", 3)


@pytest.mark.parametrize(
    "name", ["", "local-cloud.start.lock", "local-cloud.log"], ids=lambda name: name or "all"
)
def test_where_no_files_can_be_kept_is_one_clear_line(tmp_path: Path, name: str) -> None:
    directory = tmp_path / "files"
    if name:
        (directory / name).mkdir(parents=True)
    else:
        directory.write_text("")
    with pytest.raises(StateError, match=f"^{directory}: cannot be used "):
        daemon.ensure(directory, Settings())


def test_nothing_can_be_stopped_in_what_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "files").write_text("")
    with pytest.raises(StateError, match="cannot be used"):
        daemon.stop(tmp_path / "files")


def test_one_of_another_version_is_refused(directory: Path) -> None:
    daemon.ensure(directory, Settings())
    files = Files(directory)
    state = json.loads(files.state.read_text())
    files.state.write_text(json.dumps(state | {"version": "0.0.1"}))
    with pytest.raises(TargetError, match=f"is of version 0.0.1, this is {__version__}"):
        daemon.ensure(directory, Settings())


def test_resources_and_objects_come_back_after_a_restart(directory: Path, tmp_path: Path) -> None:
    keep = tmp_path / "kept"
    first = daemon.ensure(directory, Settings(), keep=keep)
    client(first, "s3").create_bucket(Bucket="clicks")
    client(first, "s3").put_object(Bucket="clicks", Key="a", Body=b"kept")
    api = client(first, "apigateway").create_rest_api(name="clicks", tags={"a": "b"})["id"]
    daemon.stop(directory)
    second = daemon.ensure(directory, Settings(), keep=keep)
    assert second.pid != first.pid
    assert client(second, "s3").get_object(Bucket="clicks", Key="a")["Body"].read() == b"kept"
    assert client(second, "apigateway").get_rest_api(restApiId=api)["tags"] == {"a": "b"}


def test_keep_is_refused_for_one_that_runs_without(directory: Path, tmp_path: Path) -> None:
    daemon.ensure(directory, Settings())
    with pytest.raises(TargetError, match="keeps its resources nowhere"):
        daemon.ensure(directory, Settings(), keep=tmp_path / "kept")


def test_what_cannot_be_read_back_is_one_clear_line(directory: Path, tmp_path: Path) -> None:
    keep = tmp_path / "kept"
    keep.mkdir()
    (keep / "local-cloud.pickle").write_bytes(b"not a pickle")
    with pytest.raises(TargetError, match=r"local-cloud\.pickle: cannot be read: UnpicklingError"):
        daemon.ensure(directory, Settings(), keep=keep)


def test_a_directory_to_keep_in_that_cannot_be_written_is_refused_at_the_start(
    directory: Path, tmp_path: Path
) -> None:
    keep = tmp_path / "file"
    keep.write_text("")
    with pytest.raises(TargetError, match=f"^{keep}: changes cannot be kept there \\(Not a directory\\)$"):
        daemon.ensure(directory, Settings(), keep=keep)
    with pytest.raises(TargetError, match=r"kept: changes cannot be kept there \(Not a directory\)$"):
        daemon.ensure(directory, Settings(), keep=keep / "kept")
    assert not Files(directory).is_alive()


def test_changes_that_cannot_be_kept_are_said_and_not_discarded(directory: Path, tmp_path: Path) -> None:
    keep, aside = tmp_path / "kept", tmp_path / "aside"
    running = daemon.ensure(directory, Settings(), keep=keep)
    keep.rename(aside)
    keep.write_text("in the way")
    client(running, "s3").create_bucket(Bucket="clicks")
    with pytest.raises(
        TargetError, match=f"{keep}: changes cannot be kept there .*; the local cloud goes on"
    ):
        daemon.stop(directory)
    said: list[str] = []
    assert daemon.ensure(directory, Settings(), report=said.append) == running
    assert said == [f"warning: {keep}: changes cannot be kept there (Not a directory)"]
    found = operations.status(directory)
    assert f"warning: {found.keep_error}" == said[0] == output.status(found).splitlines()[1]
    assert found.document()["keepError"] == found.keep_error
    Files(directory).state.unlink()
    while Files(directory).read_state() != running:
        assert Files(directory).is_alive(), "no way to end it discards the changes"
    keep.unlink()
    aside.rename(keep)
    daemon.stop(directory)
    again = daemon.ensure(directory, Settings(), keep=keep)
    assert [bucket["Name"] for bucket in client(again, "s3").list_buckets()["Buckets"]] == ["clicks"]


def test_a_file_that_a_dead_one_left_is_noticed_and_replaced(directory: Path) -> None:
    directory.mkdir()
    stale = Running(port=1, pid=os.getpid(), time_scale=1, identity="dead", version=__version__)
    Files(directory).write_state(stale)
    assert daemon.find(directory) is None
    running = daemon.ensure(directory, Settings())
    assert running.pid != stale.pid, "the pid in the file belongs to another process: this one"
    assert daemon.find(directory) == running


def test_stopping_by_a_stale_file_ends_nobody(directory: Path) -> None:
    directory.mkdir()
    stale = Running(port=1, pid=os.getpid(), time_scale=1, identity="dead", version=__version__)
    files = Files(directory)
    files.write_state(stale)
    assert daemon.stop(directory) is None
    assert not files.state.exists()


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"port": 1}', "[" * 100_000],
    ids=["empty", "half", "a list", "keys missing", "nested too deeply"],
)
def test_a_damaged_file_is_as_good_as_none(directory: Path, content: str) -> None:
    directory.mkdir()
    Files(directory).state.write_text(content)
    assert daemon.find(directory) is None


@pytest.mark.parametrize("damage", [{"pid": "abc"}, {"pid": 10**30}, {"port": 0}, {"identity": "other"}])
def test_a_running_one_repairs_its_file(directory: Path, damage: dict[str, Any]) -> None:
    running = daemon.ensure(directory, Settings())
    state = Files(directory).state
    state.write_text(json.dumps(json.loads(state.read_text()) | damage))
    assert daemon.ensure(directory, Settings()) == running
    assert daemon.stop(directory) == running


def test_a_busy_one_is_waited_for_and_never_replaced(directory: Path) -> None:
    running = daemon.ensure(directory, Settings())
    client(running, "s3").create_bucket(Bucket="clicks")
    said: list[str] = []

    def report(text: str) -> None:
        said.append(text)
        os.kill(running.pid, signal.SIGCONT)

    stop_process(running.pid)
    try:
        assert daemon.find(directory) == running
        with pytest.raises(DaemonError, match=rf"\(pid {running.pid}\) runs, but has not answered for 0.2 s"):
            library.ensure(directory, Settings(), daemon.COMMAND, budget=0.2)
        assert daemon.ensure(directory, Settings(), report=report) == running
    finally:
        os.kill(running.pid, signal.SIGCONT)
    assert said == [f"waiting for the local cloud (pid {running.pid}), which is busy"]
    assert client(running, "s3").list_buckets()["Buckets"]


ENSURE = (
    "import sys; from pathlib import Path; from mysfits_stream.localcloud.settings import Settings;"
    "from mysfits_stream.local_site import daemon; print(daemon.ensure(Path(sys.argv[1]), Settings()).pid)"
)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_one_whose_command_was_killed_at_the_start_is_found(directory: Path, number: int) -> None:
    directory.mkdir()
    files = Files(directory)
    command = subprocess.Popen([sys.executable, "-c", ENSURE, directory], stderr=subprocess.DEVNULL)
    while not files.is_alive():
        assert command.poll() is None
    command.send_signal(number)
    command.wait(30)
    running = daemon.ensure(directory, Settings())
    log = files.log.read_text()
    assert log.count("serving") == 1 and "ending" not in log
    assert daemon.stop(directory) == running


def test_stopping_while_other_commands_start_it_again(directory: Path) -> None:
    first = daemon.ensure(directory, Settings())
    with ThreadPoolExecutor(4) as pool:
        stopped = pool.submit(daemon.stop, directory)
        others = [pool.submit(daemon.ensure, directory, Settings()) for _ in range(3)]
        assert stopped.result() == first
        assert len({other.result().pid for other in others} - {first.pid}) <= 1
    assert not exists(first.pid)


def test_no_process_is_signalled_by_the_pid_of_a_file(directory: Path) -> None:
    running = daemon.ensure(directory, Settings())
    files = Files(directory)
    innocent = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    # The real process does not answer, and the file names the pid of another program.
    stop_process(running.pid)
    files.write_state(replace(running, pid=innocent.pid))
    with pytest.raises(DaemonError, match="does not end"):
        library.stop(directory, budget=0.1)
    os.kill(running.pid, signal.SIGCONT)
    while files.is_alive():
        assert innocent.poll() is None
    innocent.communicate(b"\n")
    assert innocent.returncode == 0


@pytest.mark.parametrize("name", ["", "local-cloud.log", "local-cloud.lock", "local-cloud.start.lock"])
def test_no_file_is_written_through_a_symbolic_link(directory: Path, tmp_path: Path, name: str) -> None:
    precious = tmp_path / "precious"
    if name:
        precious.write_text("precious")
        directory.mkdir()
        (directory / name).symlink_to(precious)
    else:
        precious.mkdir()
        directory.symlink_to(precious)
    with pytest.raises(StateError, match="Is a symbolic link"):
        daemon.ensure(directory, Settings())
    assert precious.read_text() == "precious" if name else list(precious.iterdir()) == []
    (directory / name if name else directory).unlink()


def test_a_linked_state_file_or_scratch_directory_is_replaced(directory: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("precious")
    directory.mkdir()
    files = Files(directory)
    for link in (files.state, files.state.with_name("local-cloud.json.new")):
        link.symlink_to(precious / "file")
    files.scratch.symlink_to(precious)
    daemon.ensure(directory, Settings())
    assert (precious / "file").read_text() == "precious"


def test_a_killed_one_leaves_nothing_in_the_temporary_directory(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    files = Files(directory)
    first = daemon.ensure(directory, Settings())
    left = {path.name for path in files.scratch.iterdir()}
    os.kill(first.pid, signal.SIGKILL)
    while files.is_alive():
        pass
    daemon.ensure(directory, Settings())
    assert list(temporary.iterdir()) == []
    assert not left & {path.name for path in files.scratch.iterdir()}
    daemon.stop(directory)
    assert not files.scratch.exists()


# Threads with stacks so large that their memory, and no other, is what the limit refuses.
LIMITED = f"""
import resource
resource.setrlimit(resource.RLIMIT_STACK, (64 << 20, resource.getrlimit(resource.RLIMIT_STACK)[1]))
resource.setrlimit(resource.RLIMIT_AS, (1200 << 20, 1200 << 20))
{ENSURE}
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not limit the address space")
def test_without_threads_to_be_had_it_says_so_and_ends(directory: Path) -> None:
    limited = subprocess.run(
        [sys.executable, "-c", LIMITED, directory], capture_output=True, text=True, timeout=60, check=False
    )
    assert "the local cloud cannot start its threads: can't start new thread" in limited.stderr
    assert not Files(directory).is_alive()


def test_it_ends_by_itself_when_its_file_is_gone(directory: Path) -> None:
    directory.mkdir()
    files = Files(directory)
    lock = files.try_lock(files.lock)
    assert lock is not None
    options = {"settings": asdict(Settings()), "keep": None, "lock": lock, "load": False}
    statuses: list[int] = []
    thread = threading.Thread(
        target=lambda: statuses.append(serve(local_cloud, directory, options, threading.Event(), 0.01))
    )
    thread.start()
    for _ in range(3000):
        if files.state.exists() or not thread.is_alive():
            break
        thread.join(0.01)
    files.state.unlink()
    thread.join(30)
    os.close(lock)
    assert statuses == [0]
