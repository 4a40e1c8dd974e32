"""HyperTrack's graph network in steps, and its weights between the two forms: trained with batch norm, run folded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from edgetrack.models.blocks import softmax, squared_distance
from edgetrack.models.description import NetworkDescription
from edgetrack.models.hit_features import feature
from edgetrack.models.hypertrack.config import Aggregation, HyperTrackConfig, width_of
from edgetrack.models.hypertrack.dense import Dense
from edgetrack.models.hypertrack.edge_convolution import SuperEdgeConv
from edgetrack.models.hypertrack.equivariant import EquivariantEdgeConv
from edgetrack.models.hypertrack.network import HyperTrackNetwork
from edgetrack.models.rows import Rows
from edgetrack.models.steps import EDGE, MESSAGE, NODE, Concat, Gather, Input, Map, Mlp, Scatter, Step, Table

LATENT = "latent"
DIRECTION = "direction"


def hypertrack(config: HyperTrackConfig) -> NetworkDescription:
    """arXiv:2309.14113, equations 1–4, in steps; batch norm is folded into the linear layers, SiLU is a table.

    Whatever the equations have symmetric in i and j lives on the edges, each pair of hits once: products, dot products,
    distances, logits. Only messages live on both directions. `latent` (z) is a value on the nodes.
    """
    steps = _features(config)
    nodes = _joined(steps, "hits", config.node_inputs)
    outputs = []
    for index, reduce in enumerate(config.aggregations, 1):
        if config.convolution == "equivariant":
            steps += _equivariant_convolution(index, nodes, config, reduce)
        else:
            steps += _convolution(index, nodes, config, reduce)
        nodes = f"layer_{index}"
        outputs.append(nodes)
    half = config.latent // 2
    fused = _joined(steps, "all_layers", tuple(outputs))
    steps += [
        *_dense(fused, ("fusion_1", "fusion_2"), (config.hidden, config.latent), LATENT),
        Gather("latent_source", LATENT, "source"),
        Gather("latent_target", LATENT, "target"),
        Map("latent_product", "multiply", ("latent_source", "latent_target")),
        *_dense("latent_product", ("edge_1", "edge_2"), (half, half), "edge_hidden"),
        Mlp("logit", "edge_hidden", (1,)),
    ]
    inputs = tuple(Input(name, feature(name).domain, (1.0,) * width_of((name,))) for name in config.inputs)
    return NetworkDescription(
        "hypertrack", (*inputs, Input(DIRECTION, "message", (1.0,))), tuple(steps), "logit", (NODE, EDGE, MESSAGE)
    )


def config_of(description: NetworkDescription) -> HyperTrackConfig | None:
    """The config that `hypertrack` makes `description` of; None for any other network."""
    names = set(description.names)
    layers = sum(f"layer_{index}" in names for index in range(1, len(names)))
    if description.name != "hypertrack" or not layers or LATENT not in names:
        return None
    weighted = {step.name for step in description.steps if isinstance(step, Map)}
    reduced = {step.name: step.reduce for step in description.steps if isinstance(step, Scatter)}
    config = HyperTrackConfig(
        features="cylindrical" if "pair_geometry" in names else "cartesian",
        convolution="equivariant" if "layer_1_x_source" in names else "super_edge",
        layers=layers,
        hidden=description.shape("layer_1").width,
        message=description.shape("layer_1_message").width,
        latent=description.shape(LATENT).width,
        aggregation=tuple(
            "softmax" if f"layer_{index}_received_weighted" in weighted else reduced[f"layer_{index}_received"]
            for index in range(1, layers + 1)
        ),
    )
    return config if hypertrack(config) == description else None


@torch.no_grad()
def folded(network: HyperTrackNetwork) -> tuple[NetworkDescription, dict[str, Tensor]]:
    """The description that `network.config` asks for, and the state that gives `GraphNetwork` the same function.

    Batch norm is folded with its running statistics: the function of evaluation mode, up to float32 rounding.
    """
    description = hypertrack(network.config)
    state: dict[str, Tensor] = {}
    for name, layer in _layers(network).items():
        weight, bias = layer.folded() if isinstance(layer, Dense) else (layer.weight, layer.bias)
        state |= {f"mlps.{name}.0.weight": weight.clone(), f"mlps.{name}.0.bias": bias.clone()}
    return description, state


@torch.no_grad()
def unfolded(config: HyperTrackConfig, state: Mapping[str, Tensor], rows: Sequence[Rows[Tensor]]) -> HyperTrackNetwork:
    """A network to be trained on: folded weights with batch norm again, its statistics those of `rows`.

    Layer by layer, the norm gets mean and variance of what the folded layer gives on all `rows`, and the scale and
    shift that undo it, so that in evaluation mode the function is the one that was folded.
    Raises ValueError without rows, or for weights of another shape than `config`'s.
    """
    if not rows:
        raise ValueError("unfolding batch norm got no graph, wanted some training graphs: they give its statistics")
    network = HyperTrackNetwork(config)
    layers = _layers(network)
    expected = {f"mlps.{name}.0.{part}" for name in layers for part in ("weight", "bias")}
    if set(state) != expected:
        odd = sorted(set(state) ^ expected)
        raise ValueError(f"{odd[0]!r}: these are not the weights of a network of {config}; give its own config")
    for name, layer in layers.items():
        linear = layer.linear if isinstance(layer, Dense) else layer
        for part, value in (("weight", linear.weight), ("bias", linear.bias)):
            given = state[f"mlps.{name}.0.{part}"]
            if given.shape != value.shape:
                raise ValueError(f"{name}: {part} is {tuple(given.shape)}, {config} wants {tuple(value.shape)}")
            value.copy_(given)
    return _with_statistics(network, rows)


def _with_statistics(network: HyperTrackNetwork, rows: Sequence[Rows[Tensor]]) -> HyperTrackNetwork:
    """Batch norms that undo their own statistics: (x − μ)/σ · σ + μ. Each is the identity while μ and σ are taken."""
    norms = [layer.norm for layer in _layers(network).values() if isinstance(layer, Dense)]
    seen: dict[nn.BatchNorm1d, list[Tensor]] = {norm: [] for norm in norms}
    hooks = [norm.register_forward_pre_hook(lambda norm, values: seen[norm].append(values[0])) for norm in norms]
    network.eval()
    for norm in norms:
        norm.eps = 0.0  # an exact identity: mean 0, variance 1
    for one in rows:
        network(one)
    for hook in hooks:
        hook.remove()
    for norm in norms:
        values = torch.cat(seen[norm]).double()
        mean, variance = values.mean(0), values.var(0, unbiased=False)
        norm.eps = nn.BatchNorm1d(1).eps
        _set(norm.running_mean, mean)
        _set(norm.running_var, variance)
        norm.weight.copy_(torch.sqrt(variance + norm.eps))
        norm.bias.copy_(mean)
    return network


def _set(buffer: Tensor | None, value: Tensor) -> None:
    assert buffer is not None
    buffer.copy_(value)


def _layers(network: HyperTrackNetwork) -> dict[str, Dense | nn.Linear]:
    """Every layer with weights, under the name of its step."""
    layers: dict[str, Dense | nn.Linear] = {}
    for index, layer in enumerate(network.layers, 1):
        assert isinstance(layer, SuperEdgeConv | EquivariantEdgeConv)
        tag = f"layer_{index}"
        layers |= {f"{tag}_message_1": layer.first, f"{tag}_message_2": layer.second}
        if isinstance(layer, EquivariantEdgeConv) and layer.pull is not None:
            layers |= zip((f"{tag}_pull_1", f"{tag}_pull"), _parts(layer.pull), strict=True)
        layers |= zip((f"{tag}_update_1", f"{tag}_update_2"), _parts(layer.update), strict=True)
    layers |= zip(("fusion_1", "fusion_2"), _parts(network.fusion), strict=True)
    layers |= zip(("edge_1", "edge_2", "logit"), _parts(network.edge), strict=True)
    return layers


def _parts(layers: nn.Sequential) -> list[Dense | nn.Linear]:
    return [layer for layer in layers if isinstance(layer, Dense | nn.Linear)]


def _features(config: HyperTrackConfig) -> list[Step]:
    """The features of edges as a message sees them: those with a direction take the message's."""
    steps: list[Step] = [Gather(f"{name}_along", name, "along") for name in config.symmetric_inputs]
    for name in config.antisymmetric_inputs:
        steps += [
            Gather(f"{name}_along", name, "along"),
            Map(f"{name}_signed", "multiply", (f"{name}_along", DIRECTION)),
        ]
    return steps


def _joined(steps: list[Step], name: str, parts: tuple[str, ...]) -> str:
    """Name of the parts side by side; adds the step where there are several."""
    if len(parts) == 1:
        return parts[0]
    steps.append(Concat(name, parts))
    return name


def _convolution(index: int, nodes: str, config: HyperTrackConfig, reduce: Aggregation) -> list[Step]:
    """Equations 1–3: layer `index` from 1 on; its last step makes the value `layer_INDEX`."""
    name = f"layer_{index}"
    seen = [f"{name}_{part}_along" for part in ("product", "dot", "distance")]
    return [
        Gather(f"{name}_source", nodes, "source"),
        Gather(f"{name}_target", nodes, "target"),
        Map(f"{name}_product", "multiply", (f"{name}_source", f"{name}_target")),
        Map(f"{name}_dot", "dot", (f"{name}_source", f"{name}_target")),
        *squared_distance(f"{name}_squared", f"{name}_target", f"{name}_source"),
        Table(f"{name}_distance", "square_root", f"{name}_squared"),
        *(Gather(value, value.removesuffix("_along"), "along") for value in seen),
        Gather(f"{name}_receiver", nodes, "receiver"),
        Gather(f"{name}_sender", nodes, "sender"),
        Map(f"{name}_ahead", "subtract", (f"{name}_sender", f"{name}_receiver")),
        Concat(f"{name}_in", (f"{name}_receiver", seen[0], f"{name}_ahead", *seen[1:], *_features_along(config))),
        *_message_and_update(name, nodes, config, reduce, residual=index > 1),
    ]


def _equivariant_convolution(index: int, nodes: str, config: HyperTrackConfig, reduce: Aggregation) -> list[Step]:
    """Satorras et al., equations 3–6, as `EquivariantEdgeConv`; `layer_INDEX_positions` are the hits' new places."""
    name, before = f"layer_{index}", f"layer_{index - 1}_positions" if index > 1 else "cartesian"
    steps: list[Step] = [
        Gather(f"{name}_x_source", before, "source"),
        Gather(f"{name}_x_target", before, "target"),
        *squared_distance(f"{name}_squared", f"{name}_x_target", f"{name}_x_source"),
        Gather(f"{name}_squared_along", f"{name}_squared", "along"),
        Gather(f"{name}_receiver", nodes, "receiver"),
        Gather(f"{name}_sender", nodes, "sender"),
        Concat(
            f"{name}_in",
            (f"{name}_receiver", f"{name}_sender", f"{name}_squared_along", *_features_along(config)),
        ),
        *_message_and_update(name, nodes, config, reduce, residual=index > 1),
    ]
    if index == config.layers:
        return steps
    return [
        *steps,
        *_dense(f"{name}_message", (f"{name}_pull_1",), (config.message,), f"{name}_pull_hidden"),
        Mlp(f"{name}_pull", f"{name}_pull_hidden", (1,)),
        Gather(f"{name}_apart_along", f"{name}_squared_difference", "along"),
        Map(f"{name}_apart", "multiply", (f"{name}_apart_along", DIRECTION)),
        Map(f"{name}_shift", "multiply", (f"{name}_apart", f"{name}_pull")),
        Scatter(f"{name}_moved", f"{name}_shift", "mean", "receiver"),
        Map(f"{name}_positions", "add", (before, f"{name}_moved")),
    ]


def _features_along(config: HyperTrackConfig) -> tuple[str, ...]:
    """Features of the edge of each message, those with a direction first."""
    signed = (f"{part}_signed" for part in config.antisymmetric_inputs)
    return (*signed, *(f"{part}_along" for part in config.symmetric_inputs))


def _message_and_update(
    name: str, nodes: str, config: HyperTrackConfig, reduce: Aggregation, residual: bool
) -> list[Step]:
    """The value `name` from what each message reads, `NAME_in`."""
    messages = (f"{name}_message_1", f"{name}_message_2")
    updated = f"{name}_change" if residual else name
    return [
        *_dense(f"{name}_in", messages, (config.message, config.message), f"{name}_message"),
        *_aggregation(f"{name}_received", f"{name}_message", reduce),
        Concat(f"{name}_node", (nodes, f"{name}_received")),
        *_dense(f"{name}_node", (f"{name}_update_1", f"{name}_update_2"), (config.hidden, config.hidden), updated),
        *([Map(name, "add", (nodes, updated))] if residual else []),
    ]


def _aggregation(name: str, message: str, reduce: Aggregation) -> list[Step]:
    if reduce != "softmax":
        return [Scatter(name, message, reduce, "receiver")]
    return [
        *softmax(f"{name}_weight", message, "receiver"),
        Map(f"{name}_weighted", "multiply", (message, f"{name}_weight")),
        Scatter(name, f"{name}_weighted", "sum", "receiver"),
    ]


def _dense(source: str, names: tuple[str, ...], widths: tuple[int, ...], result: str) -> list[Step]:
    """SiLU behind each linear layer; the last one makes the value `result`."""
    steps: list[Step] = []
    for index, (name, width) in enumerate(zip(names, widths, strict=True), 1):
        steps.append(Mlp(name, source, (width,)))
        source = result if index == len(names) else f"{name}_silu"
        steps.append(Table(source, "silu", name))
    return steps
