"""Every figure of a report: nothing is cut off, the same strategy looks alike, the same bytes come out each time."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from fedsky import language
from fedsky.report import fonts, plots, style
from fedsky.report.groups import Group
from fedsky.report.page import write_report
from fedsky.report.plots import layout
from fedsky.report.plots.owners import Heat

WriteRun = Callable[..., Path]
Judge = Callable[..., list[tuple[str, str, str]]]


def texts_outside(figure: Figure) -> list[str]:
    """The titles, labels, legends and inner texts of a figure that do not lie within it."""
    figure.draw_without_rendering()
    texts = [*figure.texts, *(text for legend in figure.legends for text in legend.get_texts())]
    for axes in figure.axes:
        if axes.get_visible():
            texts += [axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label, *axes.texts]  # type: ignore[attr-defined]
            texts += axes.get_yticklabels() if axes.get_yticklabels()[0].get_text().isalpha() else []
    shown = [text for text in texts if text.get_visible() and text.get_text().strip()]
    boxes = [(text.get_text(), text.get_window_extent()) for text in shown]
    right, top = figure.bbox.width + 1, figure.bbox.height + 1
    return [text for text, box in boxes if box.x0 < -1 or box.y0 < -1 or box.x1 > right or box.y1 > top]


def intervals_outside(figure: Figure) -> list[str]:
    """The axes of a figure that do not hold every interval and band drawn in them."""
    found = []
    for axes in figure.axes:
        limits = np.sort([axes.get_xlim(), axes.get_ylim()])
        for drawn in axes.collections:
            if isinstance(drawn, LineCollection | PolyCollection) and drawn.get_transform().contains_branch(
                axes.transData
            ):
                ends = np.concatenate([np.empty((0, 2)), *(path.vertices for path in drawn.get_paths())])
                ends = ends[np.isfinite(ends).all(axis=1)]
                if len(ends) and ((ends.min(axis=0) < limits[:, 0]) | (ends.max(axis=0) > limits[:, 1])).any():
                    found.append(axes.get_title("left"))
    return found


def write_sweep(root: Path, write_run: WriteRun, judge: Judge, **run: Any) -> None:
    for partition in ("iid", "dirichlet"):
        for strategy in ("local", "fedavg", "fedprox", "centralized", "newcomer"):
            for seed in range(2):
                write_run(
                    root / f"{partition}{strategy}{seed}",
                    strategy,
                    seed,
                    predictions=judge(*range(8)),
                    choices={"partition": partition},
                    counts=(([30, 10], [10, 10]), ([5, 20], [10, 10])),
                    config={"partition._target_": f"fedsky.partition.{partition}"},
                    **run,
                )


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_nothing_is_cut_off(
    tmp_path: Path, write_run: WriteRun, judge: Judge, monkeypatch: pytest.MonkeyPatch, lang: str
) -> None:
    write_sweep(tmp_path / "runs", write_run, judge)
    drawn: list[Figure] = []
    outside: dict[int, list[str]] = {}

    def look(figure: Figure) -> style.Drawn:
        drawn.append(figure)
        assert figure.get_figwidth() == layout.WIDTH
        style.lay_out(figure)
        if found := texts_outside(figure) + intervals_outside(figure):
            outside[len(drawn)] = found
        return style.Drawn("<svg></svg>", b"", b"")

    monkeypatch.setattr(style, "save", look)
    write_report([tmp_path / "runs"], tmp_path / "out", lang=lang)
    assert len(drawn) > 20
    assert outside == {}


@pytest.mark.parametrize("count", [2, 12])
def test_nothing_is_cut_off_beside_long_names(
    tmp_path: Path, write_run: WriteRun, judge: Judge, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    names = ["local", "federated_with_a_name_as_long", "centralized", *(f"a_name_as_long_as_{n}" for n in range(9))]
    for name in names[:count]:
        for seed in range(2):
            write_run(
                tmp_path / "runs" / f"{name}{seed}",
                name,
                seed,
                predictions=judge(*range(8)),
                config={"client_names": ["Weather Station North of the River", "B"]},
            )
    outside: dict[int, list[str]] = {}
    bands: list[int] = []

    def look(figure: Figure) -> style.Drawn:
        style.lay_out(figure)
        if found := texts_outside(figure) + intervals_outside(figure):
            outside[len(outside)] = found
        if figure.axes[0].get_xlabel() == "Round" and figure.axes[0].get_lines():
            bands.append(len(figure.axes[0].collections))
        return style.Drawn("<svg></svg>", b"", b"")

    monkeypatch.setattr(style, "save", look)
    write_report([tmp_path / "runs"], tmp_path / "out")
    assert outside == {}
    assert set(bands) == {2 if count == 2 else 0}, "intervals of many groups would bury the curves"


def test_axes_hold_every_interval(
    tmp_path: Path, write_run: WriteRun, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(name: str, strategy: str, wrong: int, seed: int = 0, config: Any = None) -> None:
        write_run(
            tmp_path / "runs" / name,
            strategy,
            seed,
            predictions=judge(*range(wrong), *range(20, 20 + wrong)),
            curve=(0.5, 0.4 + 0.2 * seed, 1 - wrong / 20),
            config=config,
        )

    for lr in (0.05, 0.1, 0.2):
        for strategy, wrong in (("local", 17), ("fedavg", 9), ("fedprox", 10), ("centralized", 1)):
            for seed in range(3):  # seeds far apart: wide intervals
                far = (strategy != "centralized") * (6 if strategy == "local" else 3) * seed
                write(f"{strategy}{lr}{seed}", strategy, wrong - far, seed, {"lr": lr})
    for owners in ([0], [1]):
        write(f"some{owners}", "fedavg", 12, config={"strategy.owners": owners})
    for number in (10, 20, 40):
        write(f"pooled{number}", "centralized", 20 - number // 3, config={"strategy.photographs": number})
    drawn, outside, widest = 0, [], 0.0

    def look(figure: Figure) -> style.Drawn:
        nonlocal drawn, widest
        drawn += 1
        style.lay_out(figure)
        outside.extend(intervals_outside(figure))
        points = [axes for axes in figure.axes if "Points" in axes.get_xlabel() + axes.get_ylabel()]
        widest = max([widest, *(np.ptp(path.vertices, axis=0).max() for axes in points for drawn in axes.collections
                                for path in drawn.get_paths())])  # fmt: skip
        return style.Drawn("<svg></svg>", b"", b"")

    monkeypatch.setattr(style, "save", look)
    write_report([tmp_path / "runs"], tmp_path / "out")
    assert drawn > 20
    assert widest > 60, "an interval that reaches beyond 40 points from 0 is drawn"
    assert outside == []


def test_files_hold_no_date_and_are_the_same_each_time() -> None:
    def draw() -> style.Drawn:
        with style.drawing():
            figure, [axes] = layout.figure([1.5], ["a"])
            axes.plot([0, 1], [0, 1], label="a")
            axes.imshow([[0, 1], [1, 0]])
            return style.save(layout.finish(figure))

    first, second = draw(), draw()
    assert first == second
    assert first.png.startswith(b"\x89PNG") and first.pdf.startswith(b"%PDF")
    assert b"CreationDate" not in first.pdf
    assert b"/FontFile2" in first.pdf, "fonts are embedded as TrueType"
    ElementTree.fromstring(first.svg)


def test_a_page_shares_outlines_and_keeps_other_names_apart() -> None:
    with style.drawing():
        figure, [axes] = layout.figure([1.5], ["a"])
        axes.plot([0, 1], [0, 1], marker="o", label="a")
        axes.imshow([[0, 1], [1, 0]])
        svg = style.save(layout.finish(figure)).svg
    glyphs = style.Glyphs()
    one, two = glyphs.inline(svg, "one"), glyphs.inline(svg, "two")
    page = f"<div>{glyphs.element()}{one}{two}</div>".replace("xlink:href", "href")
    tree = ElementTree.fromstring(page)
    ids = [element.get("id") for element in tree.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    used = set(re.findall(r'href="#([^"]*)"|url\(#([^)]*)\)', page))
    assert used
    assert {first or second for first, second in used} <= set(ids)
    assert "data:image/png" in one
    assert len(one) < len(svg)


def group(strategy: str, **own: Any) -> Group:
    label = ", ".join([strategy, *(f"{name}={value}" for name, value in own.items() if name != "alpha")])
    context = f"alpha={own['alpha']}" if "alpha" in own else ""
    return Group(strategy, {}, {}, {}, f"{label}, {context}" if context else label, context)


def test_a_strategy_looks_alike_in_every_context_and_its_variants_do_not() -> None:
    groups = [group("fedprox", mu=mu, alpha=alpha) for alpha in (0.1, 1) for mu in (0.01, 1)]
    looks = style.looks(groups, groups)
    assert looks["fedprox, mu=1, alpha=0.1"] == looks["fedprox, mu=1, alpha=1"]
    assert looks["fedprox, mu=0.01, alpha=1"] != looks["fedprox, mu=1, alpha=1"]
    assert groups[0].variant == "fedprox, mu=0.01"
    page = [group("zeta"), group("alpha"), group("fedprox")]
    assert (
        style.looks(page[:1], page)["zeta"] == style.looks(page[:2], page)["zeta"] != style.looks(page, page)["alpha"]
    )


def test_the_first_strategies_of_a_page_and_the_baselines_differ_in_colour() -> None:
    first = [*style.BASELINES.values(), *style.FEDERATIONS[:5]]
    assert len({to_hex(look.color) for look in first}) == len(first)
    assert len(set(style.FEDERATIONS)) == len(style.FEDERATIONS)


def test_figures_speak_english_without_a_chinese_font(monkeypatch: pytest.MonkeyPatch) -> None:
    with language.use("zh"):
        with style.drawing():
            assert language.current() == "zh" or fonts.chinese_font() is None
        monkeypatch.setattr(style, "chinese_font", lambda: None)
        with style.drawing():
            assert language.current() == "en"
        assert style.speaks_english()
    assert not style.speaks_english()


@pytest.mark.skipif(fonts.chinese_font() is None, reason="no font with Chinese characters")
def test_chinese_characters_are_drawn() -> None:
    with style.drawing():
        figure, [axes] = layout.figure([1.5])
        axes.set_title("准确率")
        drawn = style.save(figure)
    assert "CJK" in drawn.svg or "Noto" in drawn.svg or "Han" in drawn.svg
    assert "LastResort" not in drawn.svg
    assert drawn.pdf.startswith(b"%PDF")


@pytest.mark.parametrize("count", [1, 5, 200])
def test_a_heat_map_of_any_number_of_owners_has_room(count: int) -> None:
    one = Heat(group("fedavg"), np.arange(3.0), [f"owner {n}" for n in range(count)], np.full((count, 3), 0.5))
    with style.drawing():
        for figure in (plots.heat([one]), plots.heat([one] * 8)):
            style.save(figure)  # a warning that nothing fits would be an error
            assert min(axes.get_position().height * figure.get_figheight() for axes in figure.axes[:-1]) > 0.25


def test_long_settings_fit_above_panels_and_rows() -> None:
    groups = [
        group("newcomer", mu=0.001, alpha="experiment=centralized1_1 batch_size=2 local_epochs=3 width=" * 2),
        group("fedavg"),
    ]
    with style.drawing():
        figure, [axes] = layout.figure([1.0])
        layout.rows(groups).apply(axes)
        assert texts_outside(figure) == []
        assert axes.get_position().width > 0.5
        figure, [axes] = layout.figure([1.75])
        layout.name_panel(axes, groups[0].context)
        axes.set_ylabel("Balanced accuracy (%)")
        assert texts_outside(figure) == []


def test_percent_axes_say_where_they_begin() -> None:
    assert layout.percent_limits(43, 90) == (40, 100)
    assert layout.percent_limits(41, 90) == (30, 100)
    assert layout.percent_limits(float("nan"), float("nan")) == (0, 100)
    assert layout.axis_from("Accuracy", 40) == "Accuracy (%, axis from 40 %)"
    assert layout.axis_from("Accuracy", 0) == "Accuracy (%)"
