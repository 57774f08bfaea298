"""A page in headless Chromium, as a user has it: from a file, without a network; what goes wrong is written down."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@dataclass
class Opened:
    """``wrong`` has errors and warnings of the console, exceptions, dialogs, and requests for anything but files and
    what the page made itself."""

    page: Page
    wrong: list[str] = field(default_factory=list)

    def text(self, selector: str) -> str:
        return self.page.inner_text(selector)

    def drawn(self, figure: str, trace: str) -> dict[str, Any]:
        """A trace of a figure as Plotly holds it."""
        code = "([id, name]) => { const t = document.getElementById(id).data.find((one) => one.name === name);"
        found: dict[str, Any] = self.page.evaluate(f"{code} return JSON.parse(JSON.stringify(t)); }}", [figure, trace])
        return found

    def cell(self, lirp: int, lsrp: int) -> tuple[float, float]:
        """Where on the screen the heatmap's cell has its middle."""
        code = """([i, j]) => { const { xaxis, yaxis } = document.getElementById("heatmap")._fullLayout;
            const box = document.querySelector("#heatmap .nsewdrag").getBoundingClientRect();
            return [box.left + xaxis.l2p(j), box.top + yaxis.l2p(i)]; }"""
        self.page.locator("#heatmap").scroll_into_view_if_needed()
        x, y = self.page.evaluate(code, [lirp, lsrp])
        return x, y

    def column(self, place: int) -> list[str]:
        """The texts of the table's column, top to bottom."""
        texts: list[str] = self.page.locator(f"#table tbody tr > :nth-child({place})").all_inner_texts()
        return texts


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's; no browser is downloaded."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Root, which tests often run as in containers, may not have the sandbox.
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, path: Path, address: str = "", **options: Any) -> Iterator[Opened]:
    """``path#address`` in a window of its own; ``options`` are those of a browser's context (viewport, colours)."""
    context = browser.new_context(offline=True, **options)
    page = context.new_page()
    found = Opened(page)
    page.on("console", lambda said: found.wrong.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: found.wrong.append(str(error)))
    page.on(
        "request",
        lambda asked: None if asked.url.startswith(("file:", "blob:")) else found.wrong.append(asked.url[:200]),
    )

    def refuse(dialog: Any) -> None:
        found.wrong.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    page.on("dialog", refuse)
    page.goto(f"{path.as_uri()}{address}")
    page.wait_for_selector("body[data-drawn]")
    try:
        yield found
    finally:
        context.close()
