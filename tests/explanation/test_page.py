"""The page of an evaluation in a real browser: every button, every key, every box.

    pytest -m browser

It takes Chromium and ChromeDriver (Debian's packages chromium and chromium-driver) and Selenium.
"""

import re

import numpy as np
import pytest

from funcgrad import explain, jit, scan
from funcgrad.explanation.page import page

pytestmark = pytest.mark.browser

FLAGS = (
    *("headless=new", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run"),
    *("disable-background-networking", "disable-component-update", "disable-sync"),
    "hide-scrollbars",
)


def neuron(w0, x0, w1, x1, w2):
    return 1 / (1 + np.exp(-(w0 * x0 + w1 * x1 + w2)))


def boxes(p, x):
    h = np.tanh(x @ p["w"])
    c, _ = scan(lambda c, t: (jit(lambda a: np.sin(a) * 2.0)(c) * t, None), h[0], h)
    return c * h[1]


def long(x):
    for _ in range(100):
        x = np.sin(x) * 0.9
    return x


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    webdriver = pytest.importorskip("selenium.webdriver")
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in FLAGS:
        options.add_argument(f"--{flag}")
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('chromium')}")
    driver = webdriver.Chrome(options, Service("/usr/bin/chromedriver"))
    driver.set_window_size(1400, 900)
    yield driver
    driver.quit()


@pytest.fixture
def show(browser, tmp_path):
    """Opens the page of an evaluation; nothing may go to the console."""

    def opened(f, *args, size=(1400, 900), query=""):
        browser.set_window_size(*size)
        file = tmp_path / "page.html"
        explain(f, *args).save(file)
        browser.get(f"file://{file}{query}")
        return Page(browser)

    yield opened
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


class Page:
    def __init__(self, driver):
        self.driver = driver

    def js(self, code, *args):
        return self.driver.execute_script(f"return {code}", *args)

    def click(self, name):
        self.js(f"document.getElementById({name!r}).click()")

    def key(self, key, selector="body"):
        self.js(
            "arguments[0].dispatchEvent(new KeyboardEvent('keydown', "
            "{key: arguments[1], bubbles: true, cancelable: true}))",
            self.find(selector),
            key,
        )

    def find(self, selector):
        return self.driver.find_element("css selector", selector)

    def all(self, selector):
        return self.driver.find_elements("css selector", selector)

    def shown(self, look):
        """The texts of values or gradients that are visible in the open picture."""
        return self.js(
            "[...document.querySelectorAll('figure:not([hidden]) .edge .' + arguments[0]"
            " + ':not(.later)')].map(e => e.textContent)",
            look,
        )

    @property
    def said(self):
        return self.find("#say").text

    @property
    def about(self):
        return self.find("#about").text


AT = 2.0, -1.0, -3.0, -2.0, -3.0


def test_every_step_forward_and_then_backward(show):
    page = show(neuron, *AT)
    assert (len(page.shown("fw")), len(page.shown("bw"))) == (13, 13)
    page.click("reset")
    assert page.shown("fw") == page.shown("bw") == []
    assert page.said == "before the first step"
    for step in range(1, 14):
        page.click("step")
        assert (len(page.shown("fw")), len(page.shown("bw"))) == (step, 0)
        assert page.said.startswith(f"forward, step {step} of 26: ")
    for step in range(1, 13):
        page.click("step")
        assert (len(page.shown("fw")), len(page.shown("bw"))) == (13, step)
        assert page.said.startswith(f"backward, step {13 + step} of 26: ")
        assert len(page.all(".edge.now.bwd")) == 1
    page.click("step")
    assert len(page.shown("bw")) == 13
    assert page.said == ""
    page.click("step")  # there is nothing after the last
    assert len(page.shown("bw")) == 13
    page.click("back")
    assert len(page.shown("bw")) == 12


def test_forward_goes_from_inputs_to_the_output_and_backward_returns(show):
    page = show(neuron, *AT)
    page.click("reset")
    said = []
    for _ in range(25):
        page.click("step")
        said.append(page.said.split(": ", 1)[1])
    assert said[0] == "w0 \N{RIGHTWARDS ARROW} \N{MULTIPLICATION SIGN}: 2"
    assert said[12].endswith("output: 0.7311")
    assert said[13] == "output \N{RIGHTWARDS ARROW} 1 \N{DIVISION SLASH}: 1"


def test_keys(show):
    page = show(neuron, *AT)
    page.key("Home")
    assert page.shown("fw") == []
    for _ in range(3):
        page.key("ArrowRight")
    assert len(page.shown("fw")) == 3
    page.key("ArrowLeft")
    assert len(page.shown("fw")) == 2
    page.key("End")
    assert len(page.shown("bw")) == 13
    theme = page.js("document.documentElement.dataset.theme")
    page.key("d")
    assert page.js("document.documentElement.dataset.theme") != theme
    page.js("document.querySelector('.node').focus()")
    page.key("Enter", "figure:not([hidden]) .node[data-n='5']")
    assert "value" in page.about
    page.key("Escape")
    assert not page.find("#about").is_displayed()


def test_play_goes_on_by_itself_and_stops(show):
    page = show(neuron, *AT)
    page.click("play")
    assert page.find("#play").get_attribute("aria-pressed") == "true"
    wait(lambda: len(page.shown("fw")) >= 3)
    page.key(" ")
    assert page.find("#play").get_attribute("aria-pressed") == "false"
    count = len(page.shown("fw"))
    assert 3 <= count < 13
    page.js("document.getElementById('at').value = 26")
    page.js("document.getElementById('at').oninput()")
    assert len(page.shown("bw")) == 13


def wait(condition, seconds=10.0):
    import time

    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_node_tells_of_its_line_its_value_and_its_derivatives(show):
    page = show(neuron, *AT)
    page.find(".node[data-n='5']").click()
    text = page.about
    assert "return 1 / (1 + np.exp(-(w0 * x0 + w1 * x1 + w2)))" in text
    assert re.search(r"line\s+test_page.py:\d+ in neuron", text)
    assert "\N{MINUS SIGN}2" in text
    assert "gradient" in text
    assert text.count("local derivative") == 2
    assert len(page.all(".node.chosen")) == 1


def test_pointing_at_a_wire_shows_the_ways_through_it(show):
    from selenium.webdriver import ActionChains

    page = show(neuron, *AT)
    label = page.find(".edge[data-k='0'] .fw")
    ActionChains(page.driver).move_to_element(label).perform()
    wait(lambda: page.all("svg.path"))
    on = page.js("[...document.querySelectorAll('.edge.on')].map(e => +e.dataset.from)")
    names = [page.find(f".node[data-n='{n}'] .name").get_attribute("textContent") for n in on]
    assert "w0" in names
    assert "x0" not in names
    assert names.count("exp") == 1
    ActionChains(page.driver).move_to_element(page.find("h1")).perform()
    wait(lambda: not page.all("svg.path"))


def test_boxes_open_and_close(show):
    page = show(boxes, {"w": np.ones((3, 2)) * 0.3}, np.arange(3.0))
    fold = page.find("figure:not([hidden]) .node.fold")
    fold.click()
    page.click("open")
    assert page.find("#way").text.startswith("boxes \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}")
    inner = page.find("figure:not([hidden]) .node.fold")
    inner.click()
    page.click("open")
    assert page.find("#way").text.count("\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}") == 2
    assert "sin" in page.js("document.querySelector('figure:not([hidden])').textContent")
    page.key("Escape")
    assert page.find("#way").text.count("\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}") == 1
    page.find("#way button").click()
    assert page.find("#way").text == ""
    fold = page.find("figure:not([hidden]) .node.fold")
    page.js("arguments[0].dispatchEvent(new MouseEvent('dblclick', {bubbles: true}))", fold)
    assert page.find("#way").text != ""


def test_large_functions_come_folded(show):
    page = show(long, 0.3)
    assert "200 operations, folded into" in page.find("figure:not([hidden]) .note").text
    page.find("figure:not([hidden]) .node.fold").click()
    page.click("open")
    assert len(page.all("figure:not([hidden]) .node.operation")) >= 8


def test_it_is_accessible(show):
    page = show(neuron, *AT)
    for node in page.all("figure:not([hidden]) .node"):
        assert node.get_attribute("role") == "button"
        assert node.get_attribute("tabindex") == "0"
        assert node.get_attribute("aria-label")
    label = page.find(".node[data-n='0']").get_attribute("aria-label")
    assert label == "w0, value 2, gradient \N{MINUS SIGN}0.19661193324148188"
    assert page.find("#say").get_attribute("aria-live") == "polite"
    assert page.find(".bar").get_attribute("role") == "toolbar"
    assert page.js("document.documentElement.lang") == "en"
    from selenium.webdriver.common.keys import Keys

    page.find("body").send_keys(Keys.TAB)
    assert page.js("document.activeElement !== document.body")


def test_motion_is_reduced_for_who_wants_that(show):
    page = show(neuron, *AT)
    feature = [{"name": "prefers-reduced-motion", "value": "reduce"}]
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": feature})
    duration = "getComputedStyle(document.querySelector('.fw')).transitionDuration"
    assert page.js(duration) == "0s"
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert page.js(duration) != "0s"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_texts_stand_out_from_what_is_behind_them(show, theme):
    """The contrast that WCAG 2.2 asks of large and bold text is 3, of other text 4.5."""
    page = show(neuron, *AT, query=f"?theme={theme}")
    for selector, least in ((".fw", 4.5), (".bw.pos", 4.5), (".bw.neg", 4.5), (".loc", 4.5)):
        color = page.js(f"getComputedStyle(document.querySelector('figure {selector}')).fill")
        back = page.js("getComputedStyle(document.querySelector('figure')).backgroundColor")
        assert contrast(color, back) >= least, selector


def contrast(one, other):
    def luminance(text):
        parts = [int(v) / 255 for v in re.findall(r"\d+", text)[:3]]
        parts = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def test_it_can_be_read_on_a_phone(show):
    page = show(neuron, *AT, size=(500, 850))
    width = page.js("document.documentElement.scrollWidth")
    assert width <= page.js("window.innerWidth")  # the picture scrolls, the page does not
    size = page.js("document.querySelector('.fw').getBoundingClientRect().height")
    assert size >= 11.0
    for button in page.all(".bar button"):
        assert button.size["height"] >= 36
    page.click("reset")
    for _ in range(13):
        page.click("step")
    wait(lambda: seen(page))


def seen(page):
    """Whether the wire of this step is within the part of the picture that is shown."""
    return page.js(
        "(() => { const f = document.querySelector('figure:not([hidden])').getBoundingClientRect();"
        " const e = document.querySelector('.edge.now .fw').getBoundingClientRect();"
        " return e.left >= f.left && e.right <= f.right; })()"
    )


def test_texts_are_as_wide_as_was_thought(show):
    """Boxes for texts are made without fonts: none may come out wider in the browser."""
    from funcgrad.explanation.scene import text_width

    page = show(boxes, {"w": np.ones((3, 2)) * 0.3}, np.arange(3.0))
    sizes = page.js(
        "[...document.querySelectorAll('figure:not([hidden]) text')].map("
        "e => [e.textContent, e.getBBox().width, parseFloat(getComputedStyle(e).fontSize)])"
    )
    assert len(sizes) > 20
    for text, width, size in sizes:
        assert width <= text_width(text, size) + 1.0, text


def test_it_needs_no_network():
    text = page(explain(neuron, *AT).graph)
    assert re.findall(r"(?:src|href)=|https?://|@import|url\(", text) == []
