"""What a browser, or any web page, can do at the address where a login ends."""

import http.client
import socket
import struct
import sys
from collections.abc import Iterator
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmp_relay_cli import loopback
from cmp_relay_cli.errors import OperatorError
from cmp_relay_cli.loopback import Callback, Reply

STATE = "made-up-for-this-login"
PLANTED = "must-not-show"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((loopback.HOST, 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def callback(port: int) -> Iterator[Callback]:
    with loopback.listening(port, STATE) as made:
        yield made


def get(port: int, **query: str) -> httpx.Response:
    return httpx.get(loopback.address(port), params=query, trust_env=False)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"code": PLANTED}, Reply(PLANTED)),
        ({"code": "4/a b+ä"}, Reply("4/a b+ä")),
        ({"error": "access_denied"}, Reply(error="access_denied")),
        ({"error": "<script>"}, Reply(error="")),
        ({"error": "access_denied", "code": PLANTED}, Reply(error="access_denied")),
    ],
)
@pytest.mark.enable_socket
def test_takes_the_reply_that_repeats_the_state(
    port: int, callback: Callback, query: dict[str, str], expected: Reply
) -> None:
    page = get(port, **query, state=STATE)

    assert page.status_code == 200
    assert "close this page" in page.text
    assert callback.wait(10) == expected
    assert PLANTED not in repr(expected)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/callback", 400),
        (f"/callback?code={PLANTED}", 400),
        (f"/callback?code={PLANTED}&state=", 400),
        (f"/callback?code={PLANTED}&state=%C3%A4", 400),
        (f"/callback?code={PLANTED}&state={STATE}&state={STATE}", 400),
        (f"/callback?code={PLANTED}&code=2&state={STATE}", 400),
        (f"/callback?code=&state={STATE}", 400),
        (f"/?code={PLANTED}&state={STATE}", 404),
        (f"/callback/?code={PLANTED}&state={STATE}", 404),
        (f"//[{PLANTED}", 404),
    ],
)
@pytest.mark.enable_socket
def test_anything_else_is_a_plain_page_and_the_wait_goes_on(
    port: int, callback: Callback, path: str, status: int, capfd: pytest.CaptureFixture[str]
) -> None:
    connection = http.client.HTTPConnection(loopback.HOST, port, timeout=10)
    connection.request("GET", path)
    answer = connection.getresponse()
    page = answer.read().decode()
    connection.close()

    assert answer.status == status
    assert "not the answer" in page
    assert PLANTED not in page + str(answer.headers)
    assert callback.wait(0) is None
    assert PLANTED not in "".join(capfd.readouterr())


@pytest.mark.parametrize(
    "request_line", [f"<{PLANTED}> / HTTP/1.0", PLANTED, f"GET /{'x' * 70_000}"]
)
@pytest.mark.enable_socket
def test_what_is_no_request_is_not_repeated(
    port: int,
    callback: Callback,
    request_line: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with socket.create_connection((loopback.HOST, port), timeout=10) as connection:
        connection.sendall(f"{request_line}\r\n\r\n".encode())
        with connection.makefile("rb") as stream:
            answer = stream.read().decode()

    assert "not the answer" in answer
    assert PLANTED not in answer
    assert callback.wait(0) is None
    assert "".join(capfd.readouterr()) == ""


@pytest.mark.enable_socket
def test_connections_that_say_nothing_or_hang_up_keep_nobody_waiting(
    port: int, callback: Callback, capfd: pytest.CaptureFixture[str]
) -> None:
    silent = [socket.create_connection((loopback.HOST, port), timeout=10) for _ in range(3)]
    silent.pop().close()
    try:
        assert get(port, code="c", state=STATE).status_code == 200
    finally:
        for each in silent:
            each.close()

    assert callback.wait(10) == Reply("c")
    assert "".join(capfd.readouterr()) == ""


@pytest.mark.enable_socket
def test_a_browser_that_hangs_up_before_its_page_has_brought_the_code_all_the_same(
    port: int, callback: Callback, capfd: pytest.CaptureFixture[str]
) -> None:
    connection = socket.create_connection((loopback.HOST, port), timeout=10)
    # Closed with a reset, so that the page cannot be written.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.sendall(f"GET /callback?code=c&state={STATE} HTTP/1.1\r\n\r\n".encode())
    connection.close()

    assert callback.wait(10) == Reply("c")
    assert "".join(capfd.readouterr()) == ""


@pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.2 is there on Linux alone")
@pytest.mark.usefixtures("callback")
@pytest.mark.enable_socket
def test_listens_on_one_address_of_this_machine_alone(port: int) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.2", port))


@pytest.mark.enable_socket
def test_listens_alone_and_only_for_a_while(port: int) -> None:
    with loopback.listening(port, STATE):
        with pytest.raises(OperatorError, match=f"port {port} cannot be used"):
            loopback.listening(port, STATE).__enter__()
        assert get(port).status_code == 400
    with pytest.raises(httpx.ConnectError):
        get(port)
    with loopback.listening(port, STATE):  # also right afterwards
        assert get(port).status_code == 400


PAIRS = st.lists(st.tuples(st.sampled_from(["code", "state", "error", "x"]), st.text()))


@given(PAIRS)
def test_without_the_state_there_is_no_reply(pairs: list[tuple[str, str]]) -> None:
    callback = Callback(STATE)
    others = [pair for pair in pairs if pair != ("state", STATE)]

    assert callback.read(urlencode(others)) is None


@given(st.text())
def test_any_query_can_be_read(query: str) -> None:
    assert Callback(STATE).read(query) is None
