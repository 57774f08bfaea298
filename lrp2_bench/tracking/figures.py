"""The (lirp, lsrp) heatmap of a job, as a Plotly figure. Needs plotly, which is imported when one is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lrp2_bench.metrics.registry import metric as metric_named
from lrp2_bench.results.choice import at_best_strengths
from lrp2_bench.results.tables import PairRow


def pair_heatmap(pairs: Sequence[PairRow], metric: str, best: PairRow, title: str, select_by: str) -> Any:
    """A ``plotly.graph_objects.Figure`` of ``metric`` in its unit over LSRP's layer (x) and LIRP's layer (y).

    Layers count from 1; cells that are no pair, or were not evaluated, stay empty. The pair ``best``, chosen by
    ``select_by``, carries a mark, also in the heatmaps of other metrics. ``pairs`` may hold the baseline, which
    has no cell; of a pair at several strengths, the one that is best by ``select_by`` has it.
    """
    from plotly import graph_objects

    values = {row.pair: row.value(metric) for row in at_best_strengths(pairs, select_by) if row.pair is not None}
    unit = metric_named(metric).unit
    deepest = max(pair.lsrp for pair in values)
    layers = list(range(1, deepest + 1))
    cells = {(pair.lirp, pair.lsrp): value for pair, value in values.items()}
    # Lists, not arrays: Plotly would write an array as base64, which no reader of the file expects.
    heatmap = graph_objects.Heatmap(
        x=layers,
        y=layers,
        z=[[cells.get((i, j)) for j in layers] for i in layers],
        colorscale="Viridis",
        colorbar={"title": {"text": f"{metric} ({unit})"}},
        hoverongaps=False,
        hovertemplate=f"LIRP %{{y}}, LSRP %{{x}}<br>{metric} %{{z:.2f}} {unit}<extra></extra>",
    )
    mark = graph_objects.Scatter(
        x=[best.lsrp],
        y=[best.lirp],
        mode="markers",
        name=f"best by {select_by}: {best.pair}",
        marker={"symbol": "star", "size": 16, "color": "white", "line": {"color": "black", "width": 1.5}},
        hovertemplate=f"best by {select_by}: {best.pair}<extra></extra>",
        showlegend=True,
    )
    ticks = {"dtick": 1 if deepest <= 24 else 4, "tick0": 1, "showgrid": False, "zeroline": False}
    return graph_objects.Figure(
        data=[heatmap, mark],
        layout=graph_objects.Layout(
            title={"text": title},
            xaxis={"title": {"text": "LSRP after block"}, "range": [0.5, deepest + 0.5], **ticks},
            yaxis={"title": {"text": "LIRP after block"}, "range": [0.5, deepest + 0.5], **ticks},
            legend={"orientation": "h", "y": 1.08},
        ),
    )
