"""The page of a training in a browser: as a file, and served."""

import math

import pytest
from chromium import tab

from layergraph.training.monitor.page_data import Plan
from layergraph.training.monitor.server import PageServer
from layergraph.training.monitor.training_page import TrainingPage
from layergraph.training.series import Row

HOSTILE = "</script><script>document.title='hacked'</script><img src=x onerror=\"document.title='hacked'\">"


def rows(first, last, metric="Accuracy"):
    made = []
    for i in range(first, last + 1):
        loss = 2 * math.exp(-i / 50)
        validation = (loss + 0.1, 90 - 40 * loss) if i == 1 or i % 20 == 0 else None
        made.append(
            Row((i - 1) // 10 + 1, i, 1.5 * i, loss, 95 - 40 * loss, 0.01 * 0.5 ** (i // 50), validation)
        )
    return made


def text(page, selector):
    return page.run(f"document.querySelector({selector!r}).textContent")


@pytest.fixture
def page(tmp_path):
    return TrainingPage(
        tmp_path / "page.html", "Accuracy", Plan(10, 20), {"solver": "sgdm", HOSTILE: HOSTILE}
    )


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 1280])
def test_a_running_training(browser, page, width, dark):
    page.write(rows(1, 80))
    with tab(browser, width, 900, dark=dark) as window:
        window.open(page.path)
        assert text(window, "#state") == "Running"
        assert window.run("document.title").startswith("40 %")
        facts = text(window, "#facts")
        for fact in ("Epoch8 of 20", "Iteration80 of 200", "Elapsed00:02:00", "Time left00:03:00"):
            assert fact in facts
        assert window.run("document.querySelectorAll('#loss circle').length") == 5
        assert window.run("document.querySelector('#loss path.smoothed').getAttribute('d').length") > 100
        assert window.run("document.querySelectorAll('#loss .band').length") > 3
        assert window.run("document.documentElement.scrollWidth") <= width
        assert window.run("document.querySelector('#stop').hidden")
        # the colors of text and paper differ in both themes
        style = "getComputedStyle(document.body)"
        assert window.run(f"{style}.color") != window.run(f"{style}.backgroundColor")
        assert window.messages() == []
        assert window.requests() == [page.path.as_uri()]


def test_the_reason_of_the_end(browser, page):
    page.write(rows(1, 80))
    page.close("Met validation criterion.")
    with tab(browser) as window:
        window.open(page.path)
        assert text(window, "#state") == "Finished: Met validation criterion."
        assert "Time left–" in text(window, "#facts")
        assert window.run("document.querySelector('#done').value") == pytest.approx(0.4)


def test_hostile_texts_stay_texts(browser, page):
    page.write(rows(1, 3))
    with tab(browser) as window:
        window.open(page.path)
        assert window.run("document.title").startswith("1 %")
        assert HOSTILE in text(window, "#options")
        assert window.run("document.images.length") == 0


def test_values_below_the_pointer(browser, page):
    page.write(rows(1, 80))
    page.close("Stopped manually.")
    with tab(browser) as window:
        window.open(page.path)
        box = window.run(
            "JSON.parse(JSON.stringify(document.querySelector('#metric').getBoundingClientRect()))"
        )
        window.mouse("mouseMoved", box["x"] + box["width"] - 10, box["y"] + 50)
        window.settle()
        legend = text(window, "section .legend")
        last = rows(80, 80)[0]
        assert legend.startswith("Iteration 80")
        assert f"training {last.metric:.2f} %" in legend
        assert f"validation {last.validation[1]:.2f} %" in legend


def test_numbers_that_are_not_finite_and_a_log_scale(browser, page):
    page.write(
        [*rows(1, 4), Row(1, 5, 9.0, math.nan, math.nan, 0.01, None), Row(1, 6, 9.5, 0.0, 1.0, 0.01, None)]
    )
    page.close("Loss is not finite.")
    with tab(browser) as window:
        window.open(page.path)
        assert text(window, "#state") == "Ended: Loss is not finite."
        window.click("#log")
        assert "NaN" not in window.run("document.querySelector('#loss').innerHTML")
        assert window.messages() == []


def test_regression(browser, tmp_path):
    page = TrainingPage(tmp_path / "page.html", "RMSE", Plan(1, 1), {})
    page.write(rows(1, 1))
    page.close("Max epochs completed.")
    with tab(browser) as window:
        window.open(page.path)
        assert text(window, "#metric-title") == "RMSE"
        assert "%" not in text(window, "#facts")
        assert "NaN" not in window.run("document.body.innerHTML")


@pytest.mark.slow
def test_a_file_shows_news_by_itself(browser, page):
    page.write(rows(1, 5))
    with tab(browser) as window:
        window.open(page.path)
        page.write(rows(6, 20))
        window.wait("document.querySelector('#facts')?.textContent.includes('Iteration20 of')")


def test_a_served_page_shows_news_stops_and_ends(browser, tmp_path):
    stops = []
    server = PageServer(lambda: stops.append(1))
    page = TrainingPage(tmp_path / "page.html", "Accuracy", Plan(10, 20), {}, publish=server.publish)
    page.write(rows(1, 5))
    try:
        with tab(browser) as window:
            window.call("Page.navigate", url=server.address)
            window.wait("document.documentElement?.dataset.ready !== undefined")
            page.write(rows(6, 20))
            window.wait("document.querySelector('#facts').textContent.includes('Iteration20 of')")
            window.click("#stop")
            window.wait("document.querySelector('#stop').disabled")
            page.close("Stopped manually.")
            server.close()
            window.wait("document.querySelector('#state').textContent === 'Finished: Stopped manually.'")
            assert stops == [1]
            assert window.messages() == []
            assert {address.partition("?")[0] for address in window.requests()} == {
                server.address, f"{server.address}data", f"{server.address}stop"
            }  # fmt: skip
    finally:
        if server._thread.is_alive():
            server.close()
