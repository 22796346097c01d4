"""The page of an evaluation in a browser."""

import base64
import io

import numpy as np
import pytest
from chromium import tab
from PIL import Image

from layergraph.segmentation import evaluate_semantic_segmentation
from layergraph.segmentation.results_page.data_urls import error_url, label_url, picture_url

HOSTILE = "</script><script>document.title='hacked'</script><img src=x onerror=\"document.title='hacked'\">"
CLASSES = ["sky", "road", HOSTILE, "never"]


def evaluated(count=3, **options):
    random = np.random.default_rng(0)
    truth = [random.integers(0, 3, (20, 30)) for _ in range(count)]
    # ever more wrong pixels
    predicted = [
        np.where(random.random((20, 30)) < 0.02 * number, (labels + 1) % 3, labels)
        for number, labels in enumerate(truth)
    ]
    predicted[0][0, 0] = 255
    return evaluate_semantic_segmentation(predicted, truth, classes=CLASSES, **options)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    pictures = [np.full((20, 30, 3), 10 * number, np.uint8) for number in range(25)]
    path = tmp_path_factory.mktemp("page") / "results.html"
    path.write_text(evaluated(25, images=pictures).to_html(), encoding="utf-8")
    return path


def texts(window, selector):
    return window.run(f"[...document.querySelectorAll({selector!r})].map(found => found.textContent)")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 1400])
def test_the_parts_of_the_page(browser, file, width, dark):
    metrics = evaluated(25)
    with tab(browser, width, 900, dark=dark) as window:
        window.open(file)
        assert texts(window, "#counts") == ["25 images, 4 classes, 15,000 labeled pixels"]
        values = metrics.data_set_metrics[0].values()
        assert texts(window, "#totals .score") == [f"{value:.4f}" for value in values]
        (share,) = metrics.baseline.data_set_metrics.global_accuracy
        assert f"always {metrics.largest_class}: {share:.4f}" in texts(window, "#totals")[0]
        # nothing is wider than the screen, and nothing is loaded
        assert window.run("document.documentElement.scrollWidth") <= width
        assert window.messages() == []
        assert {url.partition(":")[0] for url in window.requests()} <= {"file", "data"}
        assert sum(url.startswith("file:") for url in window.requests()) == 1
        style = "getComputedStyle(document.body)"
        assert window.run(f"{style}.color") != window.run(f"{style}.backgroundColor")
        assert window.run("document.title") == "Segmentation results"


def test_classes_sort(browser, file):
    iou = evaluated(25).class_metrics.iou
    with tab(browser) as window:
        window.open(file)
        assert texts(window, "#classes tbody th") == CLASSES
        # the class that does not occur has no value, and stays last
        order = np.argsort(iou[:3]).tolist()
        window.click("#classes thead th:nth-child(4) button")
        assert texts(window, "#classes tbody th") == [CLASSES[i] for i in [*order[::-1], 3]]
        assert window.run("document.querySelector('#classes [aria-sort]').ariaSort") == "descending"
        window.click("#classes thead th:nth-child(4) button")
        assert texts(window, "#classes tbody th") == [CLASSES[i] for i in [*order, 3]]
        window.click("#classes thead th:first-child button")
        assert texts(window, "#classes tbody th")[1:] == ["never", "road", "sky"]
        assert texts(window, "#classes tbody tr:nth-child(2) td:last-child") == ["–"]


def test_the_confusion_matrix_in_percent_and_in_pixels(browser, file):
    metrics = evaluated(25)
    with tab(browser) as window:
        window.open(file)
        percent = [[f"{100 * part:.1f}" for part in row] for row in metrics.normalized_confusion_matrix[:3]]
        row = "#matrix tbody tr:nth-child({}) td"
        # the last column has the pixels predicted as unlabeled
        assert [texts(window, row.format(i + 1))[:4] for i in range(3)] == percent
        assert texts(window, row.format(4)) == [""] * 5
        window.click("#matrix-form label:nth-child(2)")
        expected = [
            f"{count:,}" for count in [*metrics.confusion_matrix[0], metrics.unlabeled_predictions[0]]
        ]
        assert texts(window, row.format(1)) == expected
        window.click("#matrix tbody tr:nth-child(1) td:nth-child(3)")
        (cell,) = texts(window, "#cell")
        assert cell.startswith(f"True sky, predicted road: {metrics.confusion_matrix[0, 1]:,} pixels (")


def test_layers_of_the_worst_images(browser, file):
    with tab(browser) as window:
        window.open(file)
        assert len(texts(window, "figure")) == 8
        assert texts(window, "figcaption bdi")[0] == "24"
        layers = "[...document.querySelectorAll('.stack')].map(stack => stack.dataset.layer)"
        assert window.run(layers) == ["Predicted"] * 8
        window.click("#layers label:nth-child(4)")
        assert window.run(layers) == ["Errors"] * 8
        window.click("figure:nth-child(2) label:nth-child(2)")
        assert window.run(layers)[:3] == ["Errors", "Truth", "Errors"]
        window.click("figure:nth-child(2) label:nth-child(1)")
        assert window.run("document.querySelector('figure:nth-child(2) .layer').hidden")
        # every picture is there, in its own size
        size = "image => [image.complete, image.naturalWidth, image.naturalHeight]"
        assert window.run(f"[...document.images].map({size})") == [[True, 30, 20]] * 16
        window.run("document.querySelector('#opacity').value = 100")
        window.run("document.querySelector('#opacity').dispatchEvent(new Event('input'))")
        shown = "getComputedStyle(document.querySelector('.layer')).opacity"
        assert window.run(shown) == "1"
        assert window.messages() == []


def test_images_sort_and_the_rest_appears_on_request(browser, file):
    values = evaluated(25).image_metrics.mean_iou
    with tab(browser) as window:
        window.open(file)
        order = [str(i) for i in np.argsort(values, kind="stable")]
        assert texts(window, "#images tbody th") == order[:20]
        window.click("#all-images")
        assert texts(window, "#images tbody th") == order
        window.click("#images thead th:first-child button")
        assert texts(window, "#images tbody th") == [str(i) for i in range(25)]


def test_without_images_volumes_or_pixels(browser, tmp_path):
    nothing = evaluate_semantic_segmentation([[[255]]], [[[255]]], classes=["a"])
    volume = evaluate_semantic_segmentation(np.zeros((1, 2, 3, 4), int), np.zeros((1, 2, 3, 4), int))
    pages = {"labels": evaluated(), "nothing": nothing, "volume": volume, "iou": evaluated(2, metrics="iou")}
    with tab(browser) as window:
        for name, metrics in pages.items():
            path = tmp_path / f"{name}.html"
            path.write_text(metrics.to_html(HOSTILE), encoding="utf-8")
            window.open(path)
            assert window.run("document.title") == HOSTILE
            shown = 0 if name in ("nothing", "volume") else len(metrics.images)
            assert len(texts(window, "figure")) == shown
            assert window.run("document.querySelector('#worst-section').hidden") == (not shown)
        assert window.messages() == []


def pixels(url):
    """The pixels of a picture as a browser shows them, with transparency."""
    file = io.BytesIO(base64.b64decode(url.partition(",")[2]))
    return np.asarray(Image.open(file).convert("RGBA")).tolist()


@pytest.mark.parametrize("count", [1, 2, 11, 16, 17, 255])
def test_pictures_show_labels_and_errors(count):
    colors = [(index, 255 - index, 7) for index in range(count)]
    labels = np.array([[0, count - 1, 255]], np.uint8)
    expected = [[*colors[0], 255], [*colors[count - 1], 255]]
    (row,) = pixels(label_url(labels, colors))
    assert row[:2] == expected
    assert row[2][3] == 0
    # an unlabeled prediction is wrong, a prediction where the truth is unlabeled is not
    (errors,) = pixels(error_url(labels, np.array([[0, 255, 0]], np.uint8)))
    assert [pixel[3] for pixel in errors] == [0, 255, 0]


def test_a_picture_keeps_its_colors():
    gray = np.full((16, 16, 3), 90, np.uint8)
    assert pixels(picture_url(gray))[3][4] == pytest.approx([90, 90, 90, 255], abs=2)


def test_the_page_is_written_alike():
    assert evaluated().to_html() == evaluated().to_html()
