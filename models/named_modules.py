"""Modules by value name."""

from __future__ import annotations

from collections.abc import ItemsView, Mapping

from torch import nn


class NamedModules(nn.Module):
    """A dictionary of modules under any identifier: `nn.ModuleDict` refuses "update", "train" and other method names.

    State dict keys are the names, as with `nn.ModuleDict`.
    """

    def __init__(self, modules: Mapping[str, nn.Module]) -> None:
        super().__init__()
        for name, module in modules.items():
            self[name] = module

    def __getitem__(self, name: str) -> nn.Module:
        module = self._modules[name]
        assert module is not None
        return module

    def __setitem__(self, name: str, module: nn.Module) -> None:
        self._modules[name] = module

    def __contains__(self, name: object) -> bool:
        return name in self._modules

    def items(self) -> ItemsView[str, nn.Module]:
        return {name: self[name] for name in self._modules}.items()
