"""Random networks with random damage: the analysis never fails, and every suggested edit runs."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_graphs import networks

from layergraph import Convolution2dLayer, LayerGraph, LayergraphError, MaxPooling2dLayer, ReluLayer
from layergraph.analyze import analyze_network
from layergraph.analyze.analysis import TargetUsage
from layergraph.edits import with_input_size
from layergraph.graph.size_inference import infer_sizes

many = settings(max_examples=300, suppress_health_check=[*HealthCheck])


@st.composite
def damaged(draw: st.DrawFn) -> LayerGraph:
    """A network with a few connections and layers removed, replaced or added."""
    lgraph = draw(networks())
    for _ in range(draw(st.integers(0, 3))):
        damage = draw(st.sampled_from(["disconnect", "remove", "replace", "connect", "resize", "add"]))
        names = [*lgraph] or [""]
        name = draw(st.sampled_from(names))
        try:
            if damage == "disconnect" and lgraph.connections:
                lgraph = lgraph.disconnect_layers(*draw(st.sampled_from(lgraph.connections)))
            elif damage == "remove":
                lgraph = lgraph.remove_layers(name)
            elif damage == "replace":
                layer = draw(
                    st.sampled_from(
                        [
                            Convolution2dLayer(3, 5, stride=2, name=name),
                            Convolution2dLayer(2, 4, num_channels=4, name=name),
                            MaxPooling2dLayer(3, has_unpooling_outputs=True, name=name),
                        ]
                    )
                )
                lgraph = lgraph.replace_layer(name, layer, "order")
            elif damage == "connect":
                lgraph = lgraph.connect_layers(name, draw(st.sampled_from(names)))
            elif damage == "resize":
                lgraph = with_input_size(lgraph, (draw(st.integers(1, 12)), 7, draw(st.integers(1, 4))))
            else:
                lgraph = lgraph.add_layers(ReluLayer())
        except LayergraphError:
            continue
    return lgraph


@many
@given(lgraph=damaged(), usage=st.sampled_from(["train_network", "network"]))
def test_every_suggested_edit_runs(lgraph: LayerGraph, usage: TargetUsage) -> None:
    analysis = analyze_network(lgraph, target_usage=usage)
    errors = infer_sizes(lgraph, usage).errors
    assert bool(errors) == bool(analysis.num_errors)
    for issue in analysis.issues:
        assert issue.layer in lgraph or not issue.layer
        assert all(other in lgraph for other in issue.others)
        names = {"lgraph": lgraph}
        assert len(issue.edit.splitlines()) <= 1
        exec(issue.edit, names)
        if issue.edit:
            again = analyze_network(names["lgraph"], target_usage=usage)
            assert issue not in again.issues


@many
@given(lgraph=networks())
def test_networks_that_run_have_no_errors(lgraph: LayerGraph) -> None:
    assert analyze_network(lgraph, target_usage="network").num_errors == 0
