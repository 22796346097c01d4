"""The server of a training's page: what it shows, whom it refuses, how training stops."""

import http.client
import threading
import time
from urllib.parse import urlsplit

import pytest

from layergraph.training.monitor.server import PageServer


@pytest.fixture
def served():
    """A server and the list of its stops."""
    stops = []
    server = PageServer(lambda: stops.append(1))
    yield server, stops
    server.close()


def ask(server, path="", method="GET", secret=None, **headers):
    """Status, headers and body of an answer."""
    place = urlsplit(server.address)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=10)
    base = place.path if secret is None else f"/{secret}/"
    connection.request(method, base + path, headers=headers)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, answer.headers, body


def test_page_and_data(served):
    server, _ = served
    server.publish('{"iteration":1}')
    status, headers, body = ask(server)
    assert status == 200
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["X-Frame-Options"] == "DENY"
    assert 'data-source="served"' in body
    assert '{"iteration":1}' in body
    status, headers, body = ask(server, "data?0")
    assert (status, headers["X-Version"], body) == (200, "1", '{"iteration":1}')


def test_only_this_machine_can_reach_it(served):
    server, _ = served
    assert urlsplit(server.address).hostname == "127.0.0.1"
    assert server._server.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize("secret", ["", "x", "%C3%A9", "../"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nothing_without_the_secret(served, secret, method):
    server, stops = served
    server.publish("{}")
    status, _, body = ask(server, "stop", method, secret=secret)
    assert (status, body, stops) == (404, "", [])


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "evil.example:80", ""])
def test_other_names_of_the_host_are_refused(served, host):
    server, stops = served
    server.publish("{}")
    assert ask(server, Host=host)[0] == 403
    assert ask(server, "stop", "POST", Host=host)[0] == 403
    assert stops == []


def test_stop(served):
    server, stops = served
    assert ask(server, "stop")[0] == 404  # a link does not stop
    assert stops == []
    assert ask(server, "stop", "POST")[0] == 204
    assert stops == [1]
    assert ask(server, "other", "POST")[0] == 404


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "HEAD"])
def test_other_methods(served, method):
    assert ask(served[0], method=method)[0] == 501


def test_a_waiting_browser_gets_news_at_once(served):
    server, _ = served
    server.publish('"old"')
    answers = []
    thread = threading.Thread(target=lambda: answers.append(ask(server, "data?1")))
    thread.start()
    while not server._num_waiting:
        time.sleep(0.001)
    assert answers == []
    server.publish('"new"')
    thread.join(10)
    assert answers[0][2] == '"new"'


def test_the_last_data_reaches_a_browser_that_is_about_to_ask():
    server = PageServer(lambda: None)
    server.publish('"first"')
    ask(server, "data?0")
    server.publish('"last"')
    thread = threading.Thread(target=server.close)
    thread.start()
    assert ask(server, "data?1")[2] == '"last"'
    thread.join(10)
    assert not thread.is_alive()
    with pytest.raises(ConnectionError):
        ask(server)


def test_a_server_without_browsers_closes_at_once():
    server = PageServer(lambda: None)
    server.publish('"last"')
    assert not server._has_readers()
    server.close()


def test_the_button_ends_a_training(tiny, pairs, train, capsys, tmp_path):
    def press(record):
        if record.iteration == 2:
            address = capsys.readouterr().out.split()[-1]
            place = urlsplit(address)
            connection = http.client.HTTPConnection(place.hostname, place.port, timeout=10)
            connection.request("POST", f"{place.path}stop")
            assert connection.getresponse().status == 204
            connection.close()

    before = set(threading.enumerate())
    _, info = train(pairs(4), tiny(), max_epochs=50, serve=True, log_path=tmp_path, output_fcn=press)
    assert (len(info.training_loss), info.stop_reason) == (2, "Stopped manually.")
    # another test may leave a thread; at any load, those of the server end within the time
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
    assert set(threading.enumerate()) <= before
