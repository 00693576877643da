"""
The sessions of the project. `nox` runs lint, types, tests and facade; `nox -l` lists all.

Arguments after `--` go to the tool of a session: `nox -s tests -- tests/wire`, `nox -s bench -- gets imports`.
"""

from __future__ import annotations

import nox

PROJECT = nox.project.load_toml("pyproject.toml")
nox.options.sessions = ["lint", "types", "tests", "facade"]
nox.options.default_venv_backend = "venv"
nox.options.reuse_existing_virtualenvs = True
CODE = (
    "bluma", "bluma_async", "bluma_command", "bluma_sync", "bluma_testing", "facade", "docs", "examples", "tests",
    "benchmarks", "noxfile.py",
)  # fmt: skip


def install_group(session: nox.Session, name: str) -> None:
    """Install a dependency group of the project."""
    session.install(*nox.project.dependency_groups(PROJECT, name))


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and format."""
    install_group(session, "lint")
    session.run("ruff", "check", *CODE)
    session.run("ruff", "format", "--check", *CODE)


@nox.session
def types(session: nox.Session) -> None:
    """Check the types of the code, and that every public name has a type."""
    session.install("-e", ".[dev]")
    session.run("mypy")
    session.run("pyright")
    for package in ("bluma", "bluma_async", "bluma_command", "bluma_sync", "bluma_testing"):
        session.run("pyright", "--verifytypes", package, "--ignoreexternal")


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests; the coverage of lines and branches together must be at least 98 %."""
    session.install("-e", ".[test]")
    session.run("coverage", "run", "-m", "pytest", *session.posargs)
    session.run("coverage", "report", "--fail-under", "98")


@nox.session
def facade(session: nox.Session) -> None:
    """Generate the blocking twin; with `-- --check`, only report whether it is up to date."""
    session.install("attrs>=23.2", "ruff>=0.9")
    session.run("python", "-m", "facade", *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Run the property tests with 100,000 cases each, and 1,000,000 hostile webhooks; takes about half an hour."""
    session.install("-e", ".[test]")
    session.run("pytest", "tests/wire/test_properties.py", "--timeout", "3600", env={"BLUMA_FUZZ": "100000"})
    session.run("python", "-m", "tests.webhooks.fuzzing", "1000000")


@nox.session
def simulate(session: nox.Session) -> None:
    """Run seeds of the simulation of creates and batches: `-- 100000` takes about half an hour on one core."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "tests.simulation", "0", *(session.posargs or ["10000"]))
    session.run("python", "-m", "tests.simulation", "--mutants", "4000")


@nox.session
def soak(session: nox.Session) -> None:
    """Run 200,000 calls under faults in one process, and fail if what it holds grows; takes about ten minutes."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "tests.soak", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Run the benchmarks; arguments name the parts."""
    session.install("-e", ".[test]", "httpx>=0.27")
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session
def pictures(session: nox.Session) -> None:
    """Write pictures of the sandbox's page into a folder, by default `pictures`; needs Chromium."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "tests.page.pictures", *(session.posargs or ["pictures"]))


@nox.session
def docs(session: nox.Session) -> None:
    """Build the site of the documents into `site`; warnings and links that lead nowhere are errors."""
    session.install("-e", ".[cli,sandbox,testing]")
    install_group(session, "docs")
    session.run("python", "-m", "sphinx", "-W", "--keep-going", "-b", "html", "docs", "site", *session.posargs)


@nox.session
def audit(session: nox.Session) -> None:
    """Report known vulnerabilities of what the project installs. Asks the database of PyPI."""
    session.install(".[cli,sandbox,telemetry]")
    install_group(session, "audit")
    session.run("pip-audit", "--skip-editable", *session.posargs)


@nox.session
def sbom(session: nox.Session) -> None:
    """Write the bill of materials of an installation, as CycloneDX JSON, into `bluma.cdx.json`."""
    session.install(".[cli,sandbox,telemetry]")
    interpreter = f"{session.bin}/python"
    install_into = session.create_tmp()
    session.run("python", "-m", "venv", f"{install_into}/tool")
    tool = f"{install_into}/tool/bin"
    group = nox.project.dependency_groups(PROJECT, "sbom")
    session.run(f"{tool}/python", "-m", "pip", "install", "--quiet", *group, external=True)
    arguments = ("environment", "--pyproject", "pyproject.toml", "--output-file", "bluma.cdx.json", interpreter)
    session.run(f"{tool}/cyclonedx-py", *arguments, external=True)


@nox.session
def api(session: nox.Session) -> None:
    """Compare the public names and signatures with those of the last tag, if there is one."""
    tag = session.run("git", "describe", "--tags", "--abbrev=0", external=True, silent=True, success_codes=[0, 128])
    if not tag or tag.startswith("fatal"):
        session.skip("the repository has no tag yet")
    install_group(session, "api")
    for package in ("bluma", "bluma_async", "bluma_command", "bluma_sync", "bluma_testing"):
        session.run("griffe", "check", package, "--against", str(tag).strip())
