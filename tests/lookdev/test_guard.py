"""Who may talk to the page's server: its own page, and nothing that a foreign page can send."""

from __future__ import annotations

import http.client
import socket
import sys
from pathlib import Path

import pytest

from tests.lookdev.chromium import Server
from tests.lookdev.conftest import write_twins
from tests.run_vfxage import run
from vfxage.lookdev.guard import Address, Guard


@pytest.fixture(scope="module")
def shot(twins: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shot that is tracked and rendered in no time."""
    path = write_twins(twins, tmp_path_factory.mktemp("guarded"))
    path.write_text(f"{path.read_text()}frames: 1001-1002\nmodel: bands\n")
    return path


def allows(host: str, headers: dict[str, str]) -> bool:
    async def nothing(*_: object) -> None:
        raise AssertionError("not called")

    return Guard(nothing, Address(host=host, port=8180)).allows(
        [(name.encode(), value.encode()) for name, value in headers.items()]
    )


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"host": "127.0.0.1:8180"}, True),
        ({"host": "localhost:8180"}, True),
        ({"host": "LOCALHOST:9000"}, True),  # through a tunnel
        ({"host": "[::1]:8180"}, True),
        ({"host": "127.0.0.1:8180", "origin": "http://127.0.0.1:8180"}, True),
        ({"host": "127.0.0.1:8180", "origin": "http://localhost:8180"}, False),
        ({"host": "127.0.0.1:8180", "origin": "http://127.0.0.1:3000"}, False),
        ({"host": "127.0.0.1:8180", "origin": "https://127.0.0.1:8180"}, False),
        ({"host": "127.0.0.1:8180", "origin": "null"}, False),
        ({"host": "127.0.0.1:8180", "origin": "http://evil.example"}, False),
        ({"host": "evil.example:8180", "origin": "http://evil.example:8180"}, False),
        ({"host": "evil.example"}, False),
        ({"host": "127.0.0.1.evil.example"}, False),
        ({"host": "localhost.evil.example"}, False),
        ({"host": "evil.example@localhost"}, True),  # the name is localhost
        ({"host": "192.168.0.7:8180"}, False),
        ({"host": "[bad"}, False),
        ({"host": ""}, False),
        ({}, False),
    ],
)
def test_a_server_of_this_machine(headers: dict[str, str], allowed: bool) -> None:
    assert allows("127.0.0.1", headers) == allowed


@pytest.mark.parametrize(
    ("host", "allowed"),
    [("192.168.0.7:8180", True), ("render7:8180", True), ("localhost", True), ("evil.example", False)],
)
def test_a_server_of_the_network(host: str, allowed: bool) -> None:
    """A foreign page can choose a name that leads here, but not an address; only names of this machine are right."""
    assert allows("render7", {"host": host}) == allowed


def status(port: int, path: str, **headers: str) -> tuple[int, bytes]:
    """Ask with the path as it is, which most clients would tidy."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.putrequest("GET", path, skip_host="Host" in headers)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def test_the_server_refuses_foreign_pages(server: Server) -> None:
    own = f"http://127.0.0.1:{server.port}"
    assert status(server.port, "/")[0] == 200
    assert status(server.port, "/", Origin=own)[0] == 200
    assert status(server.port, "/", Host="evil.example")[0] == 403
    assert status(server.port, "/", Origin="http://evil.example")[0] == 403
    socket_headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    socket_headers["Sec-WebSocket-Key"] = "x3JJHMbDL1EzLkh9GBhXDw=="
    path = "/_nicegui_ws/socket.io/?EIO=4&transport=websocket"
    assert status(server.port, path, Origin="http://evil.example", **socket_headers)[0] == 403
    assert status(server.port, path, Host="evil.example", **socket_headers)[0] == 403


@pytest.mark.parametrize(
    "path",
    [
        "/twins.yaml",
        "/out/twins.tracks.npz",
        "/../twins.yaml",
        "/%2e%2e/twins.yaml",
        "/picture/1/..%2f..%2ftwins.yaml",
        "/picture/999999/beauty.bmp",
        "/picture/1/secret.bmp",
        "/_nicegui/x/static/..%2f..%2f..%2f..%2f..%2f..%2f..%2f..%2fetc/passwd",
        "/_nicegui/x/static/../../../../../../../../etc/passwd",
        "/_nicegui/x/resources/..%2f..%2f..%2fetc/passwd",
        "/_nicegui/x/components/..%2f..%2f..%2fetc/passwd",
        "//etc/passwd",
        "/etc/passwd",
        "/docs",
        "/openapi.json",
    ],
)
def test_no_file_is_served(server: Server, shot: Path, path: str) -> None:
    code, body = status(server.port, path)
    assert code == 404
    assert b"root:" not in body
    assert shot.read_bytes()[:20] not in body


def test_it_listens_on_this_machine_only(server: Server) -> None:
    listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    places = [fields[1].split(":")[0] for fields in listening if fields[1].endswith(f":{server.port:04X}")]
    assert set(places) == {"0100007F"}
    wide = Path("/proc/net/tcp6")
    lines = wide.read_text().splitlines()[1:] if wide.exists() else []
    assert not [line for line in lines if line.split()[1].endswith(f":{server.port:04X}") and line.split()[3] == "0A"]


def test_a_port_that_is_taken(twins: Path, tmp_path: Path) -> None:
    shot = write_twins(twins, tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run("lookdev", shot, "--port", port, "--no-browser").fails(2, f"port {port}", "choose another --port")
    run("lookdev", shot, "--host", "203.0.113.9", "--no-browser").fails(2, "203.0.113.9", "--host")
    assert not (tmp_path / "out").exists()


def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nicegui", None)
    run("lookdev", tmp_path / "shot.yaml").fails(2, "NiceGUI", "pip install 'vfxage[lookdev]'")


def test_ctrl_c_ends_cleanly(server: Server, shot: Path) -> None:
    """The last test of this file: it ends the server."""
    code, said = server.stop()
    assert code == 130
    assert "Traceback" not in said
    assert said.splitlines()[-1].startswith("stopped")
    assert sorted(path.name for path in shot.parent.iterdir()) == ["out", "twins.yaml"]
