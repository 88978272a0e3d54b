"""The services of docker-compose.yml as processes of this host: only addresses and paths are replaced."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from tests.conftest import ROOT
from tests.deployment.compose_file import dockerfile_command, services
from tests.http_client import HttpClient
from tests.servers import free_port, is_listening, postgres_server, wait_until
from tests.template_home import template_home
from webapp.processes import INFERENCE, SCHEDULER, WEB

HOST: Final = "127.0.0.1"
METRICS_TOKEN: Final = "metrics-of-a-test"
STARTED: Final = (INFERENCE, SCHEDULER)  # beside nginx, redis and web
START_TIMEOUT: Final = 120.0  # seconds; an idle host needs twenty


class ComposeStack:
    """The running services, their log files and their health checks."""

    def __init__(self, folder: Path, home: Path, database_url: str, bundle: Path) -> None:
        self.folder, self.home = folder, home
        self.web_port, self.http_port, self.https_port, redis_port = (free_port() for _ in range(4))
        self._services = services({"READROOM_HOST": HOST})
        self._replaced = {
            "postgres://readroom@postgres:5432/readroom": database_url,
            "redis://redis:6379": f"redis://{HOST}:{redis_port}",
            "redis://127.0.0.1:6379": f"redis://{HOST}:{redis_port}",
            "http://web:8000": f"http://{HOST}:{self.web_port}",
            "0.0.0.0:8000": f"{HOST}:{self.web_port}",
            "127.0.0.1:8080": f"{HOST}:{self.http_port}",
            # Started by root, nginx would change to a user who may not enter the folders of the tests.
            "worker_processes auto;": ("user root;\n" if os.geteuid() == 0 else "") + "worker_processes 1;",
            "listen 8080": f"listen {HOST}:{self.http_port}",
            "listen 8443": f"listen {HOST}:{self.https_port}",
            "/run/secrets": str(folder / "secrets"),
            "/tmp/": f"{folder}/tmp/",
            "/var/cache/nginx": str(folder / "uploads"),
            "/etc/nginx/readroom/nginx.conf": str(folder / "nginx.conf"),
            "/dev/stderr": str(folder / "nginx-error.log"),
            "/dev/stdout": str(folder / "nginx-access.log"),
        }
        self._pattern = re.compile("|".join(map(re.escape, self._replaced)))
        self._redis_arguments = ["--port", str(redis_port), "--bind", HOST, "--dir", str(folder / "redis")]
        self._own = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin",
            "READROOM_HOME": str(home),
            "READROOM_DEFAULT_BUNDLE": str(bundle),
            "PORT": str(self.web_port),
            "PGPORT": database_url.rpartition(":")[2].partition("/")[0],
        }
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def prepare(self) -> None:
        """Write the secrets and the configuration of nginx, then run the service that prepares the home."""
        for name in ("secrets", "tmp", "uploads", "redis"):
            (self.folder / name).mkdir()
        secrets = {"secret_key": "for-tests-" + "x" * 50, "postgres_password": "unused"}
        for name, value in (secrets | {"metrics_token": METRICS_TOKEN}).items():
            (self.folder / "secrets" / name).write_text(value)
        create_certificate(self.folder / "secrets")
        configuration = (ROOT / "docs" / "deployment" / "nginx" / "nginx.conf").read_text()
        (self.folder / "nginx.conf").write_text(self._here(configuration))
        self._start("redis", self._redis_arguments)
        prepare = self._run("prepare", self._services["prepare"]["command"])
        assert prepare.returncode == 0, prepare.stdout + prepare.stderr

    def start(self) -> None:
        """Start the other services, and wait until nginx forwards to the web process."""
        for name in (WEB, *STARTED, "nginx"):
            self._start(name)
        wait_until(
            lambda: is_listening(self.https_port) and is_listening(self.web_port),
            seconds=START_TIMEOUT,
            what=f"the start of nginx and the web process\n{self.tail()}",
        )

    def client(self, *, token: str = "") -> HttpClient:
        """Return an HTTP client that goes through nginx and trusts its certificate."""
        return HttpClient(f"https://{HOST}:{self.https_port}", token=token, certificate=self.certificate)

    @property
    def certificate(self) -> Path:
        """Return the file with the certificate of nginx."""
        return self.folder / "secrets" / "fullchain.pem"

    def is_healthy(self, name: str) -> bool:
        """Return whether the health check of a service passes."""
        return self.health_check(name) == 0

    def health_check(self, name: str) -> int:
        """Run the health check of a service and return its exit status."""
        return self._run(name, self._services[name]["healthcheck"]["test"][1:]).returncode

    def logs(self) -> dict[str, str]:
        """Return the text of each log."""
        return {log.stem: log.read_text(errors="replace") for log in sorted(self.folder.glob("*.log"))}

    def tail(self) -> str:
        """Return the last lines of each log, for the report of a failure."""
        return "\n".join(f"--- {name}\n{text[-2000:]}" for name, text in self.logs().items())

    def stop(self) -> None:
        """Terminate all processes; kill those that do not end within 15 seconds."""
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def _start(self, name: str, arguments: Sequence[str] = ()) -> None:
        service = self._services[name]
        command = [self._here(word) for word in service.get("command", dockerfile_command())]
        with (self.folder / f"{name}.log").open("wb") as log:
            self._processes[name] = subprocess.Popen(
                [*command, *arguments],
                cwd=ROOT,
                env=self._environment(service),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _run(self, name: str, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self._here(word) for word in command],
            cwd=ROOT,
            env=self._environment(self._services[name]),
            capture_output=True,
            text=True,
        )

    def _environment(self, service: Mapping[str, Any]) -> dict[str, str]:
        """Return the variables of a service, and of this host only what names its programs and ports."""
        given = {name: self._here(str(value)) for name, value in service.get("environment", {}).items()}
        return given | self._own

    def _here(self, text: str) -> str:
        return self._pattern.sub(lambda match: self._replaced[match[0]], text)


@contextmanager
def compose_stack(folder: Path, templates: Path, bundle: Path) -> Iterator[ComposeStack]:
    """Run the services on a copy of the prepared home of the tests."""
    template = template_home(templates, "production", bundle)
    with ExitStack() as resources:
        shutil.copytree(template / "home", folder / "home")
        database_url = resources.enter_context(postgres_server(template / "cluster"))
        stack = ComposeStack(folder, folder / "home", database_url, bundle)
        resources.callback(stack.stop)
        stack.prepare()
        stack.start()
        yield stack


def create_certificate(folder: Path) -> None:
    """Create a certificate of HOST and its key."""
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        f"/CN={HOST}",
    ]
    files = ["-keyout", str(folder / "privkey.pem"), "-out", str(folder / "fullchain.pem")]
    names = ["-addext", f"subjectAltName=IP:{HOST}"]
    subprocess.run([*command, *names, *files], check=True, capture_output=True)
