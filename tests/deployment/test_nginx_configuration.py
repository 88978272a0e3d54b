"""nginx accepts the configuration of the containers and the one of a host."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from django.urls import reverse

from tests.conftest import ROOT
from tests.deployment.compose_stack import create_certificate
from tests.servers import free_port
from webapp import settings

FOLDER = ROOT / "docs" / "deployment" / "nginx"
CONTAINER = (FOLDER / "nginx.conf").read_text()


def host_configuration() -> str:
    command = ["sed", "-f", str(FOLDER / "host.sed"), str(FOLDER / "nginx.conf")]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.slow
def test_nginx_accepts_the_configuration_of_a_host(tmp_path: Path) -> None:
    create_certificate(tmp_path)
    text = host_configuration()
    for there in ("/etc/readroom/tls", "/var/log/nginx", "/var/lib/nginx", "/run/"):
        assert there in text
        text = text.replace(there, f"{tmp_path}/" if there.endswith("/") else str(tmp_path))
    if os.geteuid() != 0:
        text = text.replace("user www-data;", "")
    (tmp_path / "nginx.conf").write_text(
        re.sub(r"listen (80|443)", lambda _: f"listen 127.0.0.1:{free_port()}", text)
    )

    path = f"{os.environ['PATH']}:/usr/sbin"
    tested = subprocess.run(
        ["nginx", "-t", "-c", str(tmp_path / "nginx.conf")],
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
    )

    assert tested.returncode == 0, tested.stderr


@pytest.mark.slow
def test_the_configuration_of_a_host_has_no_path_or_name_of_a_container() -> None:
    assert not re.search(r"/tmp/|/run/secrets|/dev/std|web:8000|resolver|80[48]\d|8443", host_configuration())


def test_the_limits_are_those_of_the_web_process() -> None:
    bodies = re.findall(r"client_max_body_size (\d+)m;", CONTAINER)

    assert int(bodies[0]) * 1024**2 == settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    assert int(bodies[1]) * 1024**2 >= settings.MAX_STAFF_FORM_BYTES
    large_forms = re.search(r"location ~ (\S+) \{\s+client_max_body_size 2100m", CONTAINER)
    assert large_forms
    names = (
        "cases:upload",
        "uploads:list",
        "api-case-list",
        "imports:scan",
        "api-imports",
        "dicomweb-studies",
    )
    for name in names:
        assert re.match(large_forms[1], reverse(name)), name
    assert "proxy_set_header X-Forwarded-Proto https;" in CONTAINER
    assert "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;" in CONTAINER


def test_the_log_has_neither_path_nor_query_nor_header_of_a_client() -> None:
    log_format = CONTAINER[CONTAINER.index("log_format") : CONTAINER.index("access_log /dev")]

    assert not re.search(r"\$(request|request_uri|uri|args|query_string|http_\w+|document_uri)\b", log_format)
    assert "error_log /dev/stderr crit;" in CONTAINER
