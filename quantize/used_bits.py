"""Of how many bits an integer network is, on average, and how many of its weights are 0, pruned or rounded so."""

from __future__ import annotations

from edgetrack.models.steps import Mlp
from edgetrack.quantize.fixed_point import IntArray
from edgetrack.quantize.integer_model import IntegerLayer, IntegerModel


def weights_by_layer(model: IntegerModel) -> dict[str, IntArray]:
    """Weight codes (outputs, inputs) by layer ("phi_r1.0"); weights that several MLPs share once."""
    return {name: layer.weight for name, layer in _layers(model).items()}


def zero_weights(model: IntegerModel) -> float:
    """Zero codes / all weight codes; 0 for a network without weights."""
    weights = weights_by_layer(model).values()
    return sum(int((codes == 0).sum()) for codes in weights) / max(sum(codes.size for codes in weights), 1)


def mean_weight_bits(model: IntegerModel) -> float:
    """Bits of all weights / weights, zeros counted too."""
    layers = _layers(model).values()
    bits = sum(layer.weight.size * layer.weight_format.bits for layer in layers)
    return bits / max(sum(layer.weight.size for layer in layers), 1)


def mean_activation_bits(model: IntegerModel) -> float:
    """Bits of all that is rounded to a format, but inputs and the output / columns of it: layers, maps, sums."""
    description = model.description
    columns: list[tuple[int, int]] = []
    for step in description.formatted:
        if isinstance(step, Mlp):
            layers = model.layers[step.name][: -1 if step.name == description.output else None]
            columns += [(len(layer.weight), layer.activation.bits) for layer in layers]
        elif step not in description.inputs and step.name != description.output:
            columns.append((description.shape(step.name).width, model.formats[step.name].bits))
    return sum(width * bits for width, bits in columns) / max(sum(width for width, _ in columns), 1)


def _layers(model: IntegerModel) -> dict[str, IntegerLayer]:
    return {
        f"{name}.{index}": layer
        for name, mlp in model.description.parameters.items()
        for index, layer in enumerate(model.layers[mlp.name])
    }
