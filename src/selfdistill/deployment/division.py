"""A traced method divided into stages at its exits."""

from collections.abc import Sequence

import torch
from torch import Tensor, fx


class Division:
    """Graphs of the stages that end in results, each of which computes what is still missing."""

    def __init__(self, module: fx.GraphModule, results: Sequence[fx.Node], name: str) -> None:
        self._module, self._results, self._name = module, results, name
        self._order = {node: place for place, node in enumerate(module.graph.nodes)}
        (images,) = (node for node in self._order if node.op == "placeholder")
        self._images = images
        self._batch = images.meta["val"].shape[0]
        self._of_images = {images}
        for node in self._order:
            if isinstance(node.meta.get("val"), Tensor) and not self._of_images.isdisjoint(
                self._tensors_behind(node)
            ):
                self._of_images.add(node)

    def modules(self) -> list[fx.GraphModule]:
        """A module for each result: what earlier stages hand on in, logits and what goes on out."""
        own: list[list[fx.Node]] = []
        computed = {self._images}
        for result in self._results:
            nodes = sorted(
                (nodes_behind(result) & self._of_images) - computed, key=self._order.__getitem__
            )
            computed.update(nodes)
            own.append(nodes)
        used = [{one for node in nodes for one in self._tensors_behind(node)} for nodes in own]
        carried: list[list[fx.Node]] = []
        known: set[fx.Node] = {self._images}
        for number, nodes in enumerate(own):
            later = set[fx.Node]().union(*used[number:], self._results[number:])
            carried.append(sorted(known & later, key=self._order.__getitem__))
            known.update(nodes)
        carried.append([])
        for node in {node for nodes in carried for node in nodes}:
            if node.meta["val"].ndim == 0 or node.meta["val"].shape[0] != self._batch:
                raise ValueError(
                    f"{self._name} cannot be divided into stages: {node.name} is needed later and "
                    "is not of single images"
                )
        return [
            self._module_of(carried[number], self._results[number], carried[number + 1])
            for number in range(len(own))
        ]

    def _tensors_behind(self, node: fx.Node) -> list[fx.Node]:
        """Tensors of images that a node takes, directly or through constants and sizes."""
        found: list[fx.Node] = []
        waiting = [] if self._is_batch_size(node) else list(node.all_input_nodes)
        while waiting:
            one = waiting.pop()
            if one in self._of_images:
                found.append(one)
            elif not self._is_batch_size(one):
                waiting += one.all_input_nodes
        return found

    def _is_batch_size(self, node: fx.Node) -> bool:
        value = node.meta.get("val")
        return isinstance(value, torch.SymInt) and str(value) == str(self._batch)

    def _module_of(
        self, inputs: Sequence[fx.Node], result: fx.Node, outputs: Sequence[fx.Node]
    ) -> fx.GraphModule:
        graph = fx.Graph()
        copies = {node: graph.placeholder(node.name) for node in inputs}
        size = graph.call_function(torch.ops.aten.sym_size.int, (copies[inputs[0]], 0))
        missing = [result, *outputs]
        needed = set[fx.Node]()
        while missing:
            node = missing.pop()
            if node in copies or node in needed:
                continue
            needed.add(node)
            if not self._is_batch_size(node):
                missing += node.all_input_nodes
        for node in sorted(needed, key=self._order.__getitem__):
            if self._is_batch_size(node):
                copies[node] = size
            else:
                copies[node] = graph.node_copy(node, copies.__getitem__)
        graph.output((copies[result], *(copies[node] for node in outputs)))
        graph.eliminate_dead_code()
        return fx.GraphModule(self._module, graph)


def nodes_behind(result: fx.Node) -> frozenset[fx.Node]:
    """All nodes that a result rests on, itself among them."""
    found, waiting = {result}, [result]
    while waiting:
        for node in waiting.pop().all_input_nodes:
            if node not in found:
                found.add(node)
                waiting.append(node)
    return frozenset(found)
