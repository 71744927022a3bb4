"""What stands in for a CUDA device, so that a processor can prove what a step does on one."""

import torch
from torch._subclasses.fake_tensor import FakeTensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map, tree_map_only

CUDA = torch.device("cuda", 0)
aten = torch.ops.aten
READS = (
    *(aten._local_scalar_dense, aten.nonzero, aten.masked_select, aten.is_nonzero, aten.equal),
    *(aten._unique2, aten.unique_dim, aten.bincount, aten.repeat_interleave),
)
"""Operations after which the host waits for the device."""


FUSED = (aten._fused_sgd_, aten._fused_adamw_)


class NoReads(TorchDispatchMode):
    """Refuses what makes the host wait: reading a number, and copies between devices."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func.overloadpacket in READS:
            raise AssertionError(f"{func} waits for the device")
        devices = {t.device.type for t in tree_leaves((args, kwargs)) if is_tensor(t)}
        if func.overloadpacket in FUSED and any(map(is_fake, tree_leaves(args))):
            assert devices == {"cuda"}, devices  # these have no kernel that fakes them
            return None
        if len(devices) > 1 and func not in (aten.copy_.default, aten._to_copy.default):
            # torch lets single numbers of the host pass, which a recorded step would repeat
            raise AssertionError(f"{func} mixes numbers of {devices}")
        result = func(*args, **kwargs)
        after = {t.device.type for t in tree_leaves(result) if is_tensor(t)}
        if func in (aten._to_copy.default, aten.copy_.default) and len(devices | after) > 1:
            raise AssertionError(f"{func} copies between {devices | after}")
        return result


def is_tensor(value):
    return isinstance(value, torch.Tensor)


def is_fake(value):
    return isinstance(value, FakeTensor)


class Recording(TorchDispatchMode):
    """Notes every operation of some work, which leaves no trace; ``replay`` repeats them.

    As in a CUDA graph, each operation reads and writes the memory that it read and wrote when it
    was recorded, and numbers that came from Python stay what they were.
    """

    def __init__(self):
        super().__init__()
        self.calls, self.before, self.made = [], {}, set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        for tensor in filter(is_tensor, tree_leaves((args, kwargs))):
            memory = tensor.untyped_storage()
            if memory.data_ptr() not in self.made | self.before.keys():
                self.before[memory.data_ptr()] = memory.clone(), memory
        result = func(*args, **kwargs)
        for tensor in filter(is_tensor, tree_leaves(result)):
            if (place := tensor.untyped_storage().data_ptr()) not in self.before:
                self.made.add(place)
        args, kwargs = tree_map(lambda leaf: leaf, (args, kwargs))  # lists may be changed later
        self.calls.append((func, args, kwargs, result))
        return result

    def undo(self):
        for value, memory in self.before.values():
            memory.copy_(value)

    def replay(self):
        with torch.no_grad():
            for func, args, kwargs, recorded in self.calls:
                result = func(*args, **kwargs)
                for old, new in zip(tree_leaves(recorded), tree_leaves(result), strict=True):
                    if is_tensor(old) and old.data_ptr() != new.data_ptr():
                        old.copy_(new)


def record(work):
    """As :func:`selfdistill.training.recording.record`, on the processor."""
    recording = Recording()
    with recording, torch.random.fork_rng(devices=[]):
        work()
    recording.undo()
    return recording.replay


def to_fake(mode, value):
    """A fake tensor on CUDA like a real one on the processor, of any nesting."""

    def fake(tensor):
        with mode:
            return torch.empty_strided(
                tensor.shape, tensor.stride(), dtype=tensor.dtype, device=CUDA
            )

    return tree_map_only(torch.Tensor, fake, value)


def all_modules(module):
    """A module's parts, those too that it holds without registering them."""
    for part in module.modules():
        yield part
        for value in vars(part).values():
            if isinstance(value, torch.nn.Module):
                yield from all_modules(value)


def move_to_fake(mode, module):
    """Replace a module's parameters and buffers by fake ones on CUDA."""
    for part in all_modules(module):
        for name, parameter in part._parameters.items():
            if parameter is not None:
                fake = to_fake(mode, parameter.detach())
                part._parameters[name] = torch.nn.Parameter(fake, parameter.requires_grad)
        for name, buffer in part._buffers.items():
            part._buffers[name] = to_fake(mode, buffer)
