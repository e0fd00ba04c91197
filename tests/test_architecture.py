"""Who may import whom (docs/design.md), read from the source; deferred imports count, too."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from click import Group

from mysfits_stream.cli import cli

ROOT = Path(__file__).parents[1]
PACKAGE = "mysfits_stream"
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / PACKAGE).rglob("*.py"))
}
PROVISION = f"{PACKAGE}.provision"
LOCALCLOUD = f"{PACKAGE}.localcloud"
RESOURCE_ROOM = f"{PROVISION}.resources"
AWS = f"{PACKAGE}.aws"

RESOURCES = {
    name: f"{RESOURCE_ROOM}.{name}"
    for name in (
        "alarm",
        "alias",
        "bucket",
        "clicks_database",
        "clicks_domain",
        "clicks_table",
        "delivery_stream",
        "function",
        "log_group",
        "query_workgroup",
        "role",
        "topic",
    )
} | {"rest_api": f"{RESOURCE_ROOM}.rest_api.rest_api"}
EVERY_RESOURCE = {f"{AWS}.{part}" for part in ("account", "concurrently", "errors", "waiting")} | {
    f"{PROVISION}.{part}" for part in ("policies", "processor_zip", "resource")
}
OF_ONE_RESOURCE = {
    "alias": {
        f"{RESOURCE_ROOM}.function_states",
        f"{PROVISION}.smoke_test",
        f"{PACKAGE}.click_definition",
    },
    "function": {f"{RESOURCE_ROOM}.function_states"},
    "bucket": {f"{RESOURCE_ROOM}.emptying", f"{PACKAGE}.retention"},
    "clicks_domain": {f"{RESOURCE_ROOM}.rest_api.throttled_changes"},
    "clicks_database": {f"{RESOURCE_ROOM}.glue_errors"},
    "clicks_table": {f"{RESOURCE_ROOM}.glue_errors", f"{PACKAGE}.date_partitions"},
    "rest_api": {
        f"{RESOURCE_ROOM}.rest_api.{part}"
        for part in ("throttled_changes", "settings", "stage", "comparable_view", "execution_logs", "openapi")
    },
}


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def imports(module: str) -> Iterator[str]:
    """Every name that a module imports, in full: ``a.b`` of ``from a import b`` if a module."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, f"{module} imports relatively"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in MODULES else node.module


def within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def offenders(importers: list[str], *forbidden: str) -> list[str]:
    return [
        f"{module} imports {name}"
        for module in importers
        for name in imports(module)
        if any(within(name, package) for package in forbidden)
    ]


def those(*packages: str, but: tuple[str, ...] = ()) -> list[str]:
    """The modules within the packages, but not those within others."""
    found = [
        module
        for module in MODULES
        if any(within(module, package) for package in packages)
        and not any(within(module, package) for package in but)
    ]
    assert found
    return found


COMMAND_LINE = (f"{PACKAGE}.cli", f"{PACKAGE}.commands")
RENDERING = (f"{PACKAGE}.output",)


def test_the_source_is_found() -> None:
    assert {PACKAGE, f"{PROVISION}.engine", f"{LOCALCLOUD}.control_plane"} <= MODULES.keys()
    assert set(RESOURCES.values()) <= MODULES.keys()
    # Deferred imports are seen, too.
    assert offenders([f"{PACKAGE}.aws.session"], "botocore.config")


def test_only_the_command_line_imports_click() -> None:
    assert offenders(those(PACKAGE, but=COMMAND_LINE), "click") == []


def test_only_the_rendering_imports_rich() -> None:
    assert offenders(those(PACKAGE, but=RENDERING), "rich") == []


def test_two_modules_import_moto() -> None:
    may = tuple(f"{LOCALCLOUD}.control_plane.{name}" for name in ("moto_state", "moto_patches"))
    assert offenders(those(PACKAGE, but=may), "moto") == []


def test_the_rendering_makes_no_aws_call() -> None:
    assert offenders(those(*RENDERING), "boto3", "botocore", "requests") == []


def test_the_deployer_does_not_know_that_the_local_cloud_exists() -> None:
    assert offenders(those(PROVISION), LOCALCLOUD, f"{PACKAGE}.target", "moto", "click", "rich") == []


def test_the_deployer_knows_neither_commands_nor_rendering() -> None:
    assert offenders(those(PROVISION), *COMMAND_LINE, *RENDERING) == []


def test_the_deployer_gets_its_session_given() -> None:
    assert offenders(those(PROVISION), "boto3") == []


def test_the_local_cloud_does_not_know_the_deployer() -> None:
    assert offenders(those(LOCALCLOUD), PROVISION) == []


def test_the_command_line_touches_no_concrete_resource() -> None:
    assert offenders(those(*COMMAND_LINE), *RESOURCES.values()) == []


def test_the_engine_knows_resources_only_by_their_verbs() -> None:
    known = {name for name in imports(f"{PROVISION}.engine") if within(name, PACKAGE)}
    assert known == {f"{PROVISION}.{part}" for part in ("resource", "state")} | {
        f"{AWS}.errors",
        f"{AWS}.waiting",
        f"{PACKAGE}.errors",
    }


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_resource_knows_little_of_the_deployer(resource: str) -> None:
    known = {name for name in imports(RESOURCES[resource]) if within(name, PACKAGE)}
    allowed = EVERY_RESOURCE | OF_ONE_RESOURCE.get(resource, set()) | set(RESOURCES.values())
    assert known <= allowed | {f"{PACKAGE}.errors"}


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_resource_names_another_only_as_a_fields_type(resource: str) -> None:
    module = tree(RESOURCES[resource])
    others = {
        alias.asname or alias.name
        for node in ast.walk(module)
        if isinstance(node, ast.ImportFrom) and node.module in RESOURCES.values()
        for alias in node.names
    }
    types = {
        id(name)
        for node in ast.walk(module)
        if isinstance(node, ast.ClassDef)
        for statement in node.body
        if isinstance(statement, ast.AnnAssign)
        for name in ast.walk(statement.annotation)
    }
    used = [node for node in ast.walk(module) if isinstance(node, ast.Name) and node.id in others]
    assert [f"{node.id}, line {node.lineno}" for node in used if id(node) not in types] == []


def test_only_the_stack_puts_the_resources_together() -> None:
    """Beside the composition root, only export, adoption and search tell types apart."""
    telling = (f"{PROVISION}.adopt", f"{PROVISION}.left_behind", f"{PACKAGE}.export")
    importers = those(PACKAGE, but=(f"{PROVISION}.stack", *telling, RESOURCE_ROOM))
    assert offenders(importers, *RESOURCES.values()) == []


def test_what_decides_and_describes_is_pure() -> None:
    """Documents are made from names alone: no module of these can make a call."""
    pure = ("policies", "resources.rest_api.openapi", "resources.rest_api.comparable_view", "resource")
    assert offenders([f"{PROVISION}.{part}" for part in pure], "boto3", "botocore", "requests") == []


def test_the_function_imports_the_standard_library_and_requests_only() -> None:
    """Its zip holds nothing else."""
    module = f"{PACKAGE}.lambda_src.stream_processor"
    tops = {name.split(".")[0] for name in imports(module)}
    assert tops - set(sys.stdlib_module_names) == {"requests"}


def test_errors_and_settings_depend_on_nothing_of_ours() -> None:
    parts = ("bucket_names", "ecma_subset", "errors", "key_prefixes", "origins", "usual_hours")
    basic = {f"{PACKAGE}.{part}" for part in parts}
    assert [name for module in basic for name in imports(module) if within(name, PACKAGE)] == []
    definition, retention = f"{PACKAGE}.click_definition", f"{PACKAGE}.retention"
    assert {name for name in imports(retention) if within(name, PACKAGE)} <= {f"{PACKAGE}.key_prefixes"}
    assert {name for name in imports(definition) if within(name, PACKAGE)} <= {PACKAGE, *basic}
    partitions = f"{PACKAGE}.date_partitions"
    assert {name for name in imports(partitions) if within(name, PACKAGE)} <= basic
    limits, settings = f"{PACKAGE}.setting_limits", f"{PACKAGE}.config"
    assert {name for name in imports(limits) if within(name, PACKAGE)} <= {PACKAGE, *basic}
    schema = {PACKAGE, definition, retention, partitions, limits, *basic}
    assert {name for name in imports(settings) if within(name, PACKAGE)} <= schema
    reading = {name for name in imports(f"{PACKAGE}.config_file") if within(name, PACKAGE)}
    assert reading <= {settings, *schema}


def test_no_module_imports_itself_in_a_circle() -> None:
    # At import time: what is deferred into a function, or only for types, is left out.
    graph = {
        module: {name for name in _at_import(tree(module).body) if name in MODULES and name != module}
        for module in MODULES
    }
    done: set[str] = set()

    def walk(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join((*path, module))
        if module not in done:
            for name in graph[module]:
                walk(name, (*path, module))
            done.add(module)

    for module in graph:
        walk(module, ())


def _at_import(body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in MODULES else node.module


SLOW = (
    *("boto3", "botocore", "duckdb", "filelock", "jsonschema", "moto", "requests", "rich", "sqlglot", "yaml"),
    *(
        f"{PACKAGE}.{name}"
        for name in ("config", "config_file", "output", "operations.project", "provision", "target")
    ),
)


def commands() -> Iterator[list[str]]:
    """The arguments that lead to every help text."""
    for name, command in cli.commands.items():
        yield [name, "--help"]
        for inner in command.commands if isinstance(command, Group) else ():
            yield [name, inner, "--help"]


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], *commands()], ids=" ".join)
def test_help_is_quick(arguments: list[str], tmp_path: Path) -> None:
    """It waits for no library that only the commands' work needs."""
    code = (
        "import sys\n"
        "from mysfits_stream.cli import main\n"
        "try:\n    main(sys.argv[1:])\n"
        f"finally:\n    print([name for name in {SLOW} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert done.stderr.strip() == "[]"
