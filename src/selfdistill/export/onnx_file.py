"""ONNX: a traced classifier as the bytes of a file, and such a file run by onnxruntime."""

import importlib.util
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from jaxtyping import UInt8
from torch import Tensor
from torch.export import ExportedProgram

from ..backbones import CONFIG
from .network import Answers

if TYPE_CHECKING:
    import onnx

IMAGES, OUTPUTS = "images", ["probabilities", "logits"]
OPSET = 20
MAX_BYTES = 2**31 - 2**20
"""Protocol buffers hold no more than 2 GiB."""


def require_onnx(*modules: str) -> None:
    """Refuse to go on without the libraries of the extra ``export``."""
    for module in modules or ("onnx", "onnxscript", "onnxruntime"):
        if importlib.util.find_spec(module) is None:
            raise ValueError(
                f"ONNX needs {module}, which is not installed: pip install 'selfdistill[export]'"
            )


def onnx_bytes(program: ExportedProgram, description: str) -> bytes:
    """A traced classifier as the content of an ONNX file.

    Args:
        program: What :func:`selfdistill.export.trace` made.
        description: Text of the model folder's ``config.json``, kept under that name.

    Raises:
        ValueError: If an operation has no counterpart in ONNX, or the weights are too large.
    """
    size = sum(value.nbytes for value in program.state_dict.values())
    if size > MAX_BYTES:
        raise ValueError(
            f"an ONNX file holds 2 GiB at most, and the weights take {size:,} bytes: "
            "use --to torch-export"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter about itself
        try:
            exported = torch.onnx.export(
                program,
                input_names=[IMAGES],
                output_names=OUTPUTS,
                opset_version=OPSET,
                dynamo=True,
                verbose=False,
            )
        except torch.onnx.errors.OnnxExporterError as error:
            reason = " ".join(str(error).split())[:200]
            raise ValueError(
                f"the network cannot be written as ONNX ({reason}): use --to torch-export"
            ) from error
    assert exported is not None
    return _cleaned(exported.model_proto, description).SerializeToString()


def _cleaned(model: "onnx.ModelProto", description: str) -> "onnx.ModelProto":
    """The graph without traces of this machine, with a named batch and its description."""
    graph = model.graph
    del graph.value_info[:], graph.metadata_props[:]
    for part in (*graph.node, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    model.producer_name = "selfdistill"
    model.metadata_props.add(key=CONFIG, value=description)
    return model


class OnnxRunner:
    """An ONNX file that onnxruntime has opened.

    Args:
        content: The file's bytes; nothing outside of them is read.
        file: What messages call it.

    Raises:
        ValueError: If it is damaged, or another program's.
    """

    def __init__(self, content: bytes, file: Path) -> None:
        require_onnx("onnxruntime")
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 4  # errors are raised as well
        try:
            self._session: onnxruntime.InferenceSession = onnxruntime.InferenceSession(
                content, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # each of its codes has a class of its own
            reason = " ".join(str(error).split())[:200]
            raise ValueError(
                f"{file} is no ONNX file that onnxruntime can run ({reason}): export it again"
            ) from None
        self.description: str | None = self._session.get_modelmeta().custom_metadata_map.get(CONFIG)
        inputs = [(value.name, value.type) for value in self._session.get_inputs()]
        outputs = [value.name for value in self._session.get_outputs()]
        if inputs != [(IMAGES, "tensor(uint8)")] or outputs != OUTPUTS:
            raise ValueError(
                f"{file} does not take images as bytes and give probabilities and logits: only "
                "files that `selfdistill export` wrote are read"
            )

    def __call__(self, images: UInt8[Tensor, "batch 3 height width"]) -> Answers:
        """Answers for images as bytes."""
        outputs = self._session.run(OUTPUTS, {IMAGES: images.numpy()})
        probabilities, logits = (torch.as_tensor(output) for output in outputs)
        return Answers(probabilities, logits)
