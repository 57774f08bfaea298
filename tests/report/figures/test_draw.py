"""Files: all there, the same every time, whatever names and settings there are."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import matplotlib
import pytest
from matplotlib.backends.backend_pdf import FigureCanvasPdf

from lrp2_bench.render.figures.style import house_style, language_name, shown, signed
from lrp2_bench.report.figures.draw import write_figures
from lrp2_bench.report.figures.heatmaps import heatmaps
from tests.support.drawing import add_alignment, panels, runs_below, texts
from tests.support.run_folders import every_pair, write_run

HOSTILE = ["$x^2$ \\frac{", "$", "a\nb\x00c\u202e", "中文", "W" * 200, "%s {} & _^~#", "<b>", " ", "🙂"]


def draw(root: Path, folder: Path) -> dict[str, bytes]:
    written, problems = write_figures([runs_below(root)], folder, "transferability")
    files = {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}
    assert sorted(files) == sorted(path.name for path in written) and problems == []
    return files


def two_languages(root: Path) -> Path:
    for language in ("de", "fr"):
        folder = write_run(root, language, (20, 30), every_pair(3, 31), blocks=3)
        add_alignment(folder, [0.1, 0.2, 0.3, 0.4], [0.1, 0.5, 0.6, 0.4])
    return root


def test_each_figure_is_a_png_and_a_pdf(tmp_path: Path) -> None:
    files = draw(two_languages(tmp_path / "runs"), tmp_path / "figures")
    assert {name.split(".")[0] for name in files} == {
        f"{kind}_mbert_mlama"
        for kind in (
            "heatmaps_accuracy", "heatmaps_transferability", "change_accuracy", "change_transferability",
            "layers_between", "alignment",
        )
    }  # fmt: skip
    assert all(data.startswith(b"\x89PNG" if name.endswith("png") else b"%PDF") for name, data in files.items())
    assert all(b"/CIDFontType2" in data and b"/Type3" not in data for name, data in files.items() if name.endswith("f"))


@pytest.mark.system
def test_the_same_runs_give_the_same_bytes_in_another_process(tmp_path: Path) -> None:
    two_languages(tmp_path / "runs")
    files = draw(tmp_path / "runs", tmp_path / "figures")
    code = (
        "import sys; from pathlib import Path; from tests.support.drawing import runs_below\n"
        "from lrp2_bench.report.figures.draw import write_figures\n"
        "write_figures([runs_below(Path(sys.argv[1]))], Path(sys.argv[2]), 'transferability')\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    again = tmp_path / "again"
    environment = os.environ | {"PYTHONHASHSEED": "7", "MPLBACKEND": "svg", "SOURCE_DATE_EPOCH": "1"}
    subprocess.run([sys.executable, "-c", code, tmp_path / "runs", again], check=True, timeout=120, env=environment)
    assert {path.name: path.read_bytes() for path in again.iterdir()} == files
    assert not any(b"CreationDate" in data for data in files.values())


@pytest.mark.system
def test_the_users_settings_neither_matter_nor_change(tmp_path: Path) -> None:
    two_languages(tmp_path / "runs")
    files = draw(tmp_path / "runs", tmp_path / "figures")
    with matplotlib.rc_context({"text.usetex": True, "font.size": 40, "axes.facecolor": "black", "savefig.dpi": 7}):
        before = dict(matplotlib.rcParams)
        assert draw(tmp_path / "runs", tmp_path / "again") == files
        assert dict(matplotlib.rcParams) == before


def test_names_from_a_manifest_are_shown_as_they_are(tmp_path: Path) -> None:
    for number, name in enumerate(HOSTILE):
        folder = write_run(
            tmp_path, f"l{number}", (20, 30), every_pair(3, 31), blocks=3,
            manifest={"language": name, "model": {"name": "m$_{", "blocks": 3}, "dataset": {"name": "d$^\n"}},
        )  # fmt: skip
        add_alignment(folder, [0.1, 0.2, 0.3, 0.4], [0.1, 0.5, 0.6, 0.4])
    # Warnings are errors here, so a character without a glyph, or a formula that cannot be read, would fail.
    assert len(draw(tmp_path, tmp_path / "figures")) == 12
    with house_style():
        figure = heatmaps(runs_below(tmp_path), "accuracy", "accuracy")
        assert figure is not None
        assert "m$_{ on d$^" in texts(figure)
        found = list(panels(figure))
        assert "$x^2$ \\frac{" in found and "U+4E2DU+6587" in found and "a b\ufffdc\ufffd" in found
        FigureCanvasPdf(figure).print_pdf(buffer := io.BytesIO())
        assert buffer.getvalue()


def test_runs_of_baselines_only_make_no_figure(tmp_path: Path) -> None:
    write_run(tmp_path, "en", (40, 100))
    folder = write_run(tmp_path, "de", (20, 30))
    add_alignment(folder, [0.5] * 13, None)
    assert draw(tmp_path, tmp_path / "figures") == {}


def test_a_models_name_does_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    model = {"name": "../../evil", "blocks": 3}
    write_run(tmp_path / "runs", "de", (20, 30), every_pair(3, 31), blocks=3, manifest={"model": model})
    draw(tmp_path / "runs", tmp_path / "a" / "figures")
    assert {path.parent for path in tmp_path.rglob("*evil*")} == {tmp_path / "a" / "figures"}


@pytest.mark.parametrize(
    ("points", "text"), [(1.005, "+1.00"), (-0.004, "0.00"), (0.0, "0.00"), (-2.5, "−2.50"), (12.345, "+12.35")]
)
def test_changes_have_a_sign_and_nothing_has_none(points: float, text: str) -> None:
    assert signed(points) == text


def test_known_languages_have_their_english_names() -> None:
    assert language_name("zh") == "Chinese" and language_name("xx") == "xx"
    assert len(shown("x" * 1000)) == 201
