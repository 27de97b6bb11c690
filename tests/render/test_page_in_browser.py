"""The page in a real browser: the first screen decides, nobody is asked, nothing goes wrong."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from readiness.judging.verdict import Verdict
from readiness.render import write_reports

pytestmark = pytest.mark.browser
CHROMIUM = Path("/usr/bin/chromium")
QUIET = (
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
WIDTH, HEIGHT = 1280, 800


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One headless Chromium."""
    if not CHROMIUM.exists():
        pytest.fail(f"{CHROMIUM} is missing: apt-get install chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield chromium
        chromium.close()


@dataclass
class Opened:
    """A page with what it asked for and what it complained about."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def on_first_screen(self, selector: str) -> bool:
        """Whether the element is wholly visible without scrolling."""
        box = self.page.locator(selector).first.bounding_box()
        if box is None:
            return False
        return box["y"] >= 0 and box["y"] + box["height"] <= HEIGHT and box["x"] >= 0


def opened(browser: Browser, verdict: Verdict, folder: Path, **context: object) -> Opened:
    """Write the reports and open the page."""
    write_reports(verdict, folder)
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, **context)  # type: ignore[arg-type]
    one = Opened(page)
    page.on("request", lambda request: one.requests.append(request.url))
    page.on("console", lambda message: one.complaints.append(message.text))
    page.on("pageerror", lambda error: one.complaints.append(str(error)))
    page.goto((folder / "index.html").as_uri())
    return one


@pytest.mark.parametrize(
    ("name", "says"), [("go", "GO"), ("no_go", "NO-GO"), ("inconclusive", "INCONCLUSIVE")]
)
def test_first_screen_decides(
    name: str, says: str, browser: Browser, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Verdict, environment, proven of required, age, end, run and blockers need no scrolling."""
    one = opened(browser, request.getfixturevalue(name), tmp_path)
    assert one.page.locator("#verdict").inner_text() == says
    assert "campus" in one.page.locator("#environment").inner_text()
    for selector in ("#verdict", "#environment", "#proven", "#oldest", "#until", "#run"):
        assert one.on_first_screen(selector), selector
    if says != "GO":
        assert one.on_first_screen("#blockers li:first-child code")
    else:
        assert one.on_first_screen("#rests")


def test_nobody_is_asked_and_nothing_complains(
    no_go: Verdict, browser: Browser, tmp_path: Path
) -> None:
    """The page loads itself and nothing else, without an error on the console."""
    one = opened(browser, no_go, tmp_path)
    outside = [url for url in one.requests if not url.startswith("data:")]
    assert outside == [(tmp_path / "index.html").as_uri()]
    assert one.complaints == []


def test_works_without_scripts(no_go: Verdict, browser: Browser, tmp_path: Path) -> None:
    """Without JavaScript every case is there, and the filter that could not work is not."""
    one = opened(browser, no_go, tmp_path, java_script_enabled=False)
    assert one.page.locator("#checks .case").count() == len(no_go.cases)
    assert not one.page.locator(".filter").is_visible()


def test_filter_leaves_what_was_asked_for(no_go: Verdict, browser: Browser, tmp_path: Path) -> None:
    """Asking for failed cases of one machine shows these and no others."""
    one = opened(browser, no_go, tmp_path)
    one.page.locator(".filter button[data-outcome=failed]").click()
    assert one.page.locator("#checks .case:visible").count() == 3
    one.page.locator(".filter input").fill("edge2")
    assert one.page.locator("#checks .case:visible").count() == 2


def test_link_opens_what_was_seen(no_go: Verdict, browser: Browser, tmp_path: Path) -> None:
    """Following a claim to its observation unfolds it."""
    one = opened(browser, no_go, tmp_path)
    one.page.locator("#checks .case summary").first.click()
    link = one.page.locator("#checks .case a").first
    target = link.get_attribute("href")
    link.click()
    one.page.wait_for_function("t => document.querySelector(t).checkVisibility()", arg=target)
    assert one.page.locator(str(target)).is_visible()


@pytest.mark.parametrize("width", [420, 1280, 1920])
def test_nothing_is_cut_off_sideways(
    width: int, no_go: Verdict, browser: Browser, tmp_path: Path
) -> None:
    """On a phone and on a wide screen the page scrolls down only."""
    one = opened(browser, no_go, tmp_path)
    one.page.set_viewport_size({"width": width, "height": HEIGHT})
    assert one.page.evaluate("document.documentElement.scrollWidth") <= width


def test_dark_and_light_differ_and_print_is_light(
    go: Verdict, browser: Browser, tmp_path: Path
) -> None:
    """The page follows the reader's scheme, and paper is always light."""
    one = opened(browser, go, tmp_path, color_scheme="dark")
    background = "getComputedStyle(document.body).backgroundColor"
    dark = one.page.evaluate(background)
    one.page.emulate_media(color_scheme="light")
    light = one.page.evaluate(background)
    one.page.emulate_media(color_scheme="dark", media="print")
    assert one.page.evaluate(background) == "rgb(255, 255, 255)"
    assert dark != light
