"""The worker's image as far as it can be judged without building it, and the script that builds and deploys it."""

from __future__ import annotations

import ast
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVICE = ROOT / "runpod_service"
SCRIPT = SERVICE / "deploy.sh"
IMAGES, IMAGE_NAMES = (ROOT / "Dockerfile", SERVICE / "Dockerfile"), ("dashboard", "worker")
# What runs in the image: the handler, and the training process that it starts.
ENTRY_POINTS = ("runpod_service.handler", "hpo_core.training.worker")
PACKAGES = {"datasets", "storage", "hpo_core", "runpod_service", "pages"}
# Modules whose distribution has another name, and those that come with another requirement.
DISTRIBUTIONS = {"PIL": "pillow"}
BROUGHT_ALONG = {"botocore": "boto3", "urllib3": "requests"}
MODULES = {name: module for module, name in DISTRIBUTIONS.items()} | {"pyyaml": "yaml"}
# Needed without being imported.
DATA_ONLY = {"scikit-learn"}
# Those of them, the one that Optuna imports, and the one of which only the front end is used.
NOT_IMPORTED = DATA_ONLY | {"cmaes", "streamlit-agraph"}
KEY = "rpa_PLANTED_IN_A_TEST"

Requirements = dict[str, tuple[str, str]]


def requirements(file: Path) -> Requirements:
    """Version and comment of each pinned distribution; extras are left out."""
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line and not line.startswith(("#", "-"))]
    found: Requirements = {}
    for line in lines:
        match = re.fullmatch(r"([\w.-]+)(?:\[[\w,-]+\])?==([\w.]+)(?: +# (.+))?", line)
        assert match, f"{file.name}: {line}"
        found[match[1].lower()] = (match[2], match[3] or "")
    return found


def source(module: str) -> Path | None:
    path = ROOT.joinpath(*module.split("."))
    for file in (path / "__init__.py", path.with_suffix(".py")):
        if file.exists():
            return file
    return None


def reached() -> tuple[set[str], set[str]]:
    """Packages of this project and modules of others that the entry points import, anywhere and through others."""
    waiting, seen, foreign = list(ENTRY_POINTS), set[str](), set[str]()
    while waiting:
        module = waiting.pop()
        file = source(module)
        if file is None or module in seen:
            continue
        seen.add(module)
        waiting += [module.rpartition(".")[0]]
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            waiting += [name for name in names if name.split(".")[0] in PACKAGES]
            foreign |= {name.split(".")[0] for name in names} - PACKAGES - set(sys.stdlib_module_names)
    return {module.split(".")[0] for module in seen}, foreign


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    """Instruction and arguments of each line, those that are continued put together."""
    lines = [line for line in dockerfile.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    text = re.sub(r"\\\n *", " ", "\n".join(lines))
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in text.splitlines() if line)]


def position(steps: list[tuple[str, str]], *words: str) -> int:
    """Of the only step that holds all of `words`."""
    [found] = [number for number, step in enumerate(steps) if all(word in " ".join(step) for word in words)]
    return found


@pytest.fixture(scope="module")
def worker_requirements() -> Requirements:
    return requirements(SERVICE / "requirements.txt")


def test_versions_are_those_that_the_tests_run_on(worker_requirements: Requirements) -> None:
    root = requirements(ROOT / "requirements.txt")
    own = {name: version for name, (version, _) in worker_requirements.items() if not name.startswith("nvidia-")}
    assert own == {name: root[name][0] for name in own}
    assert "-c ../constraints.txt" in (SERVICE / "requirements.txt").read_text(encoding="utf-8")


def test_requirements_are_what_the_worker_imports(worker_requirements: Requirements) -> None:
    _, foreign = reached()
    needed = {BROUGHT_ALONG.get(module) or DISTRIBUTIONS.get(module, module) for module in foreign} | DATA_ONLY
    assert {name for name in worker_requirements if not name.startswith("nvidia-")} == needed
    assert not needed & {"optuna", "sqlalchemy", "streamlit"}


@pytest.mark.parametrize("listed", [ROOT / "requirements.txt", SERVICE / "requirements.txt"], ids=["all", "worker"])
def test_each_requirement_names_files_that_import_it(listed: Path) -> None:
    for name, (_, comment) in requirements(listed).items():
        if name.startswith("nvidia-") or name == "optuna-dashboard":  # a command of its own
            continue
        files = re.match(r"[\w/.]+(?:, [\w/.]+)*", comment)
        assert files, f"{name}: {comment}"
        for place in (ROOT / file for file in files[0].split(", ")):
            assert place.exists(), f"{name}: {comment}"
            assert name in NOT_IMPORTED or imports(place, MODULES.get(name, name.replace("-", "_"))), f"{name}: {place}"


def imports(place: Path, module: str) -> bool:
    """Whether a file, or any file of a folder, imports a module."""
    files = place.rglob("*.py") if place.is_dir() else [place]
    pattern = re.compile(rf"^\s*(?:from|import) {module}\b", re.MULTILINE)
    return any(pattern.search(file.read_text(encoding="utf-8")) for file in files)


def test_the_image_holds_every_package_that_the_worker_imports() -> None:
    own, _ = reached()
    steps = instructions(SERVICE / "Dockerfile")
    copied = {rest.split()[0] for word, rest in steps if word == "COPY" and len(rest.split()) == 2}
    assert copied & PACKAGES == own
    assert steps[-1] == ("CMD", '["python", "-m", "runpod_service.handler"]')


def test_layers_are_ordered_so_that_code_reinstalls_nothing() -> None:
    steps = instructions(SERVICE / "Dockerfile")
    install = position(steps, "RUN", "pip install")
    code = [number for number, (word, rest) in enumerate(steps) if word == "COPY" and rest.split()[0] in PACKAGES]
    check = position(steps, "RUN", "-m runpod_service.handler --check")
    data = position(steps, "RUN", "datasets.prepare")
    assert install < min(code) and max(code) < check
    assert data < position(steps, "COPY hpo_core") and data < position(steps, "COPY runpod_service runpod_service")


def test_embedded_data_sets_lie_where_the_worker_looks() -> None:
    text = (SERVICE / "Dockerfile").read_text(encoding="utf-8")
    [cache] = re.findall(r"XDG_CACHE_HOME=(/cache)\b", text)
    [embedded] = re.findall(r"cache=Path\('([^']+)'\)", text)
    code = "import os; from hpo_core.settings import Settings; print(Settings.from_environment(os.environ).cache_dir)"
    environ = os.environ | {"XDG_CACHE_HOME": cache}
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environ, capture_output=True, check=True)
    assert answer.stdout.decode().strip() == embedded


def test_the_step_that_embeds_data_sets_runs(tmp_path: Path) -> None:
    """The very command of the Dockerfile, with another cache and the one set that needs no download."""
    steps = instructions(SERVICE / "Dockerfile")
    command = steps[position(steps, "RUN", "datasets.prepare")][1].replace("/cache/", f"{tmp_path}/")
    command = command.replace("python ", f"{sys.executable} ", 1)
    for names, count in (("", 0), ("digits", 1)):
        environ = os.environ | {"DATASETS": names}
        subprocess.run(["/bin/sh", "-c", command], cwd=ROOT, env=environ, check=True, capture_output=True)
        assert len(list(tmp_path.glob("onegin/datasets/decoded/digits-*"))) == count


@pytest.mark.parametrize("dockerfile", IMAGES, ids=IMAGE_NAMES)
def test_what_is_copied_is_there_and_not_ignored(dockerfile: Path) -> None:
    ignored = set((ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n"))
    assert {".git", ".streamlit/secrets.toml", ".env", "results", ".venv"} <= ignored
    for word, rest in instructions(dockerfile):
        if word == "COPY":
            for name in rest.split()[:-1]:
                assert (ROOT / name).exists() and name not in ignored


@pytest.mark.parametrize("dockerfile", IMAGES, ids=IMAGE_NAMES)
def test_what_the_requirements_read_is_there_when_they_are_installed(dockerfile: Path) -> None:
    copied, installed = set[str](), 0
    for word, rest in instructions(dockerfile):
        if word == "COPY":
            copied |= {Path(name).name for name in rest.split()[:-1]}
        if word == "RUN" and (found := re.search(r"pip install .*(?:-r|--requirement) (\S+)", rest)):
            lines = (ROOT / found[1]).read_text(encoding="utf-8")
            read = re.findall(r"^-[cr] (\S+)", lines, re.MULTILINE)
            assert {Path(name).name for name in [found[1], *read]} <= copied
            installed += 1
    assert installed == 1


def test_the_script_can_be_read_by_bash() -> None:
    subprocess.run(["bash", "-n", str(SCRIPT)], check=True)
    assert SCRIPT.stat().st_mode & stat.S_IXUSR and "set -euo pipefail" in SCRIPT.read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_the_script_passes_shellcheck() -> None:
    answer = subprocess.run(["shellcheck", str(SCRIPT)], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clean repository with nothing but the script."""
    folder = tmp_path / "clone"
    (folder / "runpod_service").mkdir(parents=True)
    shutil.copy2(SCRIPT, folder / "runpod_service" / "deploy.sh")
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "first")
    return folder


@pytest.fixture
def run(tmp_path: Path, clone: Path) -> Run:
    """Runs the script with only those programs that it needs anyway: no docker."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("bash", "git", "date", "dirname", "cat"):
        (programs / name).symlink_to(shutil.which(name) or name)
    environ = {
        "PATH": str(programs),
        "PYTHONPATH": str(ROOT),
        "PYTHON": sys.executable,
        "RUNPOD_API_KEY": KEY,
        "RUNPOD_ENDPOINT_ID": "ep1",
        "IMAGE": "user/onegin-worker",
    }

    def start(*arguments: str, changes: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        command = [str(programs / "bash"), str(clone / "runpod_service" / "deploy.sh"), *arguments]
        everything = environ | (changes or {})
        return subprocess.run(command, env=everything, capture_output=True, text=True, timeout=60, check=False)

    return start


def test_a_dry_run_prints_every_step_and_no_secret(run: Run) -> None:
    answer = run("--dry-run", "--datasets", "mnist cifar10")
    assert answer.returncode == 0, answer.stderr
    tag = r"user/onegin-worker:\d{8}-\d{6}-[0-9a-f]{12}"
    lines = answer.stdout.splitlines()
    assert re.fullmatch(rf"\+ docker build .* --build-arg DATASETS=mnist\\ cifar10 --tag {tag} \.", lines[0])
    assert re.fullmatch(rf"\+ docker run .* {tag} python -m runpod_service\.handler --check", lines[1])
    assert re.fullmatch(rf"\+ docker push {tag}", lines[2])
    assert re.fullmatch(rf"\+ .* -m runpod_service\.deploy {tag}", lines[3])
    assert any(line.startswith("PATCH https://api.runpod.io/v2/serverless/ep1") for line in lines)
    assert KEY not in answer.stdout + answer.stderr and "Bearer ***" in answer.stdout


@pytest.mark.parametrize("variable", ["RUNPOD_API_KEY", "RUNPOD_ENDPOINT_ID", "IMAGE"])
def test_a_missing_variable_is_one_sentence(run: Run, variable: str) -> None:
    answer = run("--dry-run", changes={variable: ""})
    assert answer.returncode == 2 and answer.stdout == ""
    assert answer.stderr.startswith(f"{variable} is not set; ") and answer.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "changes", "message"),
    [
        (["--dry"], {}, "--dry is no option of deploy.sh; see --help."),
        (["--datasets"], {}, "--datasets must be followed by names"),
        (["--dry-run"], {"IMAGE": "user/worker:1"}, "IMAGE must have no tag, got user/worker:1"),
        (["--dry-run"], {"PYTHON": "nowhere/python"}, "PYTHON must be an interpreter, nowhere/python was not found"),
        ([], {}, "docker was not found"),
    ],
)
def test_wrong_use(run: Run, arguments: list[str], changes: dict[str, str], message: str) -> None:
    answer = run(*arguments, changes=changes)
    assert answer.returncode == 2 and answer.stderr.startswith(message)


def test_a_registry_with_a_port_is_no_tag(run: Run) -> None:
    assert run("--dry-run", changes={"IMAGE": "registry.local:5000/user/worker"}).returncode == 0


def test_changes_that_are_not_committed_are_refused_unless_allowed(run: Run, clone: Path) -> None:
    (clone / "new.py").touch()
    answer = run("--dry-run")
    assert answer.returncode == 2 and answer.stderr.startswith("There are changes that are not committed")
    assert re.search(r"-[0-9a-f]{12}-dirty\n", run("--dry-run", "--allow-dirty").stdout)


def test_help_needs_nothing(run: Run) -> None:
    answer = run("--help", changes={"RUNPOD_API_KEY": "", "IMAGE": ""})
    assert answer.returncode == 0 and "--allow-dirty" in answer.stdout


def make_programs(folder: Path, fails: str) -> None:
    """A docker that fails at one command, and a Python that deploys nothing; both note how they were called."""
    for name in ("docker", "python"):
        program = folder / name
        program.write_text(f'#!/bin/sh\necho "{name} $*" >>"$CALLS"\n[ "$1" != "{fails}" ]\n', encoding="utf-8")
        program.chmod(0o755)


@pytest.mark.parametrize(
    ("fails", "calls"),
    [
        ("build", ["docker build"]),
        ("run", ["docker build", "docker run"]),
        ("push", ["docker build", "docker run", "docker push"]),
        ("-m", ["docker build", "docker run", "docker push", "python -m runpod_service.deploy"]),
        ("nothing", ["docker build", "docker run", "docker push", "python -m runpod_service.deploy"]),
    ],
)
def test_nothing_follows_a_step_that_failed(run: Run, tmp_path: Path, fails: str, calls: list[str]) -> None:
    make_programs(tmp_path / "bin", fails)
    answer = run(
        changes={"PYTHON": "python", "CALLS": str(tmp_path / "calls"), "RUNPOD_REST_URL": "http://127.0.0.1:1"}
    )
    made = (tmp_path / "calls").read_text(encoding="utf-8").splitlines()
    assert (answer.returncode == 0) == (fails == "nothing")
    assert [call.startswith(start) for call, start in zip(made, calls, strict=True)] == [True] * len(calls)
    assert KEY not in answer.stdout + "".join(made)
    if "python -m runpod_service.deploy" in calls:
        assert made[-1].endswith(" --rest-url http://127.0.0.1:1")
