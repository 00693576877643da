"""The deployment of examples/fleet: its image has this project, and its commands exist and agree with each other."""

from __future__ import annotations

import re
from typing import Any, Dict, List

import pytest

from bluma_async.batch.job_creator import GRACE
from bluma_async.fleet.procrastinate_engine import SHUTDOWN
from bluma_async.stores.postgres.database import BRIEF
from bluma_async.stores.postgres.member import PARTING
from tests.cli.commands import ROOT, find_blocks, find_name, parse

FLEET = ROOT / "examples" / "fleet"
FOLDER = "/videos"
DATABASE = "postgresql://bluma:bluma@database/bluma"


def read_yaml(name: str) -> Dict[str, Any]:
    """Return a file of the deployment."""
    yaml: Any = pytest.importorskip("yaml", reason="PyYAML is not installed")
    found: Dict[str, Any] = yaml.safe_load((FLEET / name).read_text(encoding="utf-8"))
    return found


def read_project() -> Dict[str, Any]:
    """Return pyproject.toml."""
    tomllib: Any = pytest.importorskip("tomllib", reason="Python 3.11 reads TOML")
    found: Dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return found


def list_copies() -> List[str]:
    """Return what the image copies from the root of the repository."""
    lines = re.findall(r"^COPY (.*) \S+$", (FLEET / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    return [name for line in lines for name in line.split()]


def find_out(arguments: List[str]) -> str:
    """Return the value of `--out`."""
    return arguments[arguments.index("--out") + 1]


def test_the_image_has_everything_that_the_wheel_is_built_from() -> None:
    """Each package, and the files that pyproject.toml names; nothing else, and no package from an index."""
    project = read_project()
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    files = ["pyproject.toml", project["project"]["readme"], *project["project"]["license-files"]]

    copies = list_copies()

    assert sorted(copies) == sorted([*packages, *files])
    assert all((ROOT / name).exists() for name in copies)
    (extras,) = re.findall(
        r'pip install --no-cache-dir "\.\[(.*)\]"', (FLEET / "Dockerfile").read_text(encoding="utf-8")
    )
    assert set(extras.split(",")) <= set(project["project"]["optional-dependencies"])


def test_the_workers_of_compose_save_to_their_volume() -> None:
    """The image is built from the root of the repository, and the jobs and the folder are mounted."""
    worker = read_yaml("compose.yaml")["services"]["worker"]
    arguments = worker["command"].split()[1:]

    parse(arguments)
    root = (FLEET / worker["build"]["context"]).resolve()
    mounts = dict(volume.split(":")[:2] for volume in worker["volumes"])

    assert (root, (root / worker["build"]["dockerfile"]).resolve()) == (ROOT, FLEET / "Dockerfile")
    assert (find_name(arguments), find_out(arguments)) == ("worker", FOLDER)
    assert DATABASE in arguments
    assert mounts == {"./videos": FOLDER, "./jobs.csv": "/jobs.csv"}
    assert (FLEET / "jobs.csv").exists()


def test_the_pods_of_kubernetes_save_to_their_volume() -> None:
    """Their command exists."""
    spec = read_yaml("kubernetes.yaml")["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    arguments = container["command"][2].replace('"$JOURNAL"', DATABASE).split()[2:]

    parse(arguments)

    assert {"requests", "limits"} <= set(container["resources"])
    assert find_out(arguments) == FOLDER
    assert container["imagePullPolicy"] == "IfNotPresent"  # the image is built here
    assert [mount["mountPath"] for mount in container["volumeMounts"]] == [FOLDER]


def test_the_image_is_built_from_what_it_copies() -> None:
    """Nothing else is sent to the builder: a checkout has hundreds of megabytes beside it."""
    lines = (FLEET / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()

    assert "*" in lines
    assert sorted(line[1:] for line in lines if line.startswith("!")) == sorted(list_copies())


def test_the_pods_of_kubernetes_are_admitted_under_the_strictest_policy() -> None:
    """The policy `restricted` requires these fields; the user of the image is a number, and may write to the volume."""
    pod = read_yaml("kubernetes.yaml")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    (user,) = re.findall(r"^USER (\d+):(\d+)$", (FLEET / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["securityContext"]["fsGroup"] == int(user[1]) > 0
    assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def test_a_worker_is_not_the_first_process_of_its_container() -> None:
    """That one ignores SIGTERM until it has a handler, which it has a moment after its start."""
    assert read_yaml("compose.yaml")["services"]["worker"]["init"] is True
    assert read_yaml("kubernetes.yaml")["spec"]["template"]["spec"]["shareProcessNamespace"] is True


def test_the_database_of_compose_is_asked_by_tcp() -> None:
    """While the image sets its database up, a temporary server has a socket, and no port."""
    check = read_yaml("compose.yaml")["services"]["database"]["healthcheck"]["test"]

    assert check[check.index("-h") + 1] == "127.0.0.1"


def test_the_tables_are_created_by_a_command_of_the_image() -> None:
    """A worker whose user has fewer rights cannot create them."""
    commands = [words for block in find_blocks("examples/fleet/*.md") for words in block.commands]
    (migrate,) = [words for words in commands if "migrate" in words]

    parse(migrate[migrate.index("bluma") + 1 :])

    assert migrate[:4] == ["docker", "run", "--rm", "bluma-worker"]


def test_a_worker_has_the_time_to_end() -> None:
    """More than its tasks get: without its database, it has some short attempts more, and gives its jobs back."""
    pod = read_yaml("kubernetes.yaml")["spec"]["template"]["spec"]
    worker = read_yaml("compose.yaml")["services"]["worker"]

    seconds = {pod["terminationGracePeriodSeconds"], int(worker["stop_grace_period"].rstrip("s"))}

    assert min(seconds) >= SHUTDOWN + GRACE + 5 * BRIEF + PARTING
    assert all(f"give it {number} s" in (FLEET / "README.md").read_text(encoding="utf-8") for number in seconds)


def test_the_commands_of_the_page_use_the_folder_of_the_workers() -> None:
    """`bluma batch run` runs in a container of the workers' service, with their journal and their folder."""
    commands = [words for block in find_blocks("examples/fleet/*.md") for words in block.commands]
    services = read_yaml("compose.yaml")["services"]
    own = [words for words in commands if words[:2] == ["docker", "compose"] and "bluma" in words]

    assert {words[0] for words in commands} == {"export", "mkdir", "docker", "kubectl"}
    for words in own:
        at = words.index("bluma")
        arguments = words[at + 1 :]
        parse(arguments)
        assert words[:at] == ["docker", "compose", "run", "--rm", "worker"]
        assert words[at - 1] in services
        assert DATABASE in arguments
        assert "--out" not in arguments or find_out(arguments) == FOLDER
    assert [find_name(words[words.index("bluma") + 1 :]) for words in own] == ["batch run", "batch status"]
