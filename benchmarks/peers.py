"""What users would pick instead, on the same network: tf-keras-vis, pytorch-grad-cam and ONNX Runtime.

requirements-benchmark.txt names the packages; a peer that is not installed is left out.
"""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ml.images import preprocessing
from ml.records import Grey

Run = Callable[[], Any]


def peers(bundle: Path, grey: Grey) -> dict[str, Run]:
    """Return the installed peers, each computing probabilities, a heatmap and, as its users do, a picture."""
    found = {"tf-keras-vis": _keras_vis(bundle, grey)} if _installed("tf_keras_vis") else {}
    if _installed("torch", "pytorch_grad_cam"):
        found["pytorch-grad-cam"] = _pytorch_grad_cam(bundle, grey)
    if _installed("torch", "onnx", "onnxruntime"):
        found["ONNX Runtime, f32, closed form"] = _onnx_runtime(bundle, grey)
    return found


def _installed(*packages: str) -> bool:
    return all(importlib.util.find_spec(package) for package in packages)


def _keras_vis(bundle: Path, grey: Grey) -> Run:
    from tf_keras_vis.gradcam import Gradcam
    from tf_keras_vis.utils.model_modifiers import ReplaceToLinear
    from tf_keras_vis.utils.scores import CategoricalScore

    from ml.networks import bundle as bundles

    model, manifest = bundles.load_network(bundle)
    gradcam = Gradcam(model, model_modifier=ReplaceToLinear(), clone=True)

    def run() -> bytes:
        pixels, _frame = preprocessing.prepare(grey, manifest.preprocessing)
        finding = int(np.argmax(model.predict(pixels[None], verbose=0)[0]))
        heat = gradcam(CategoricalScore(finding), pixels[None], penultimate_layer=-1)[0]
        return _picture(grey, heat)

    return run


def _pytorch_grad_cam(bundle: Path, grey: Grey) -> Run:
    import torch
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    network, target, settings = _in_torch(bundle)
    gradcam = GradCAM(model=network, target_layers=[target])

    def run() -> bytes:
        pixels, _frame = preprocessing.prepare(grey, settings)
        images = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1))[None])
        with torch.no_grad():
            finding = int(network(images)[0].argmax())
        heat = gradcam(input_tensor=images, targets=[ClassifierOutputTarget(finding)])[0]
        return _picture(grey, heat)

    return run


def _onnx_runtime(bundle: Path, grey: Grey) -> Run:
    import onnxruntime
    import torch

    network, _target, settings = _in_torch(bundle)
    image = torch.zeros(1, settings.channels, settings.size, settings.size)
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "network.onnx")
        torch.onnx.export(_with_maps(network), (image,), file, output_names=["logits", "maps"], dynamo=True)
        session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def run() -> Any:
        pixels, _frame = preprocessing.prepare(grey, settings)
        return session.run(None, {name: np.ascontiguousarray(pixels.transpose(2, 0, 1))[None]})

    return run


def _with_maps(network: Any) -> Any:
    """Return the network with Grad-CAM of all classes in closed form as a second output."""
    import torch

    class WithMaps(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.features, self.head = network[:-4], network[-4:]

        def forward(self, image: Any) -> Any:
            maps = self.features(image)
            weights = self.head[-1].weight / (maps.shape[-1] * maps.shape[-2])
            return self.head(maps), torch.einsum("nkuv,ck->ncuv", maps, weights)

    return WithMaps().eval()


def _in_torch(bundle: Path) -> tuple[Any, Any, Any]:
    """Return the network of a bundle in PyTorch, its last activation, and how radiographs are prepared."""
    import torch

    from ml.networks import bundle as bundles

    model, manifest = bundles.load_network(bundle)
    network = torch.nn.Sequential(*(each for layer in model.layers for each in _layers(layer))).eval()
    return network, network[-5], manifest.preprocessing


def _layers(layer: Any) -> list[Any]:
    """Return a layer of Keras as layers of PyTorch, with its weights."""
    from torch import nn, tensor

    weights = [tensor(np.asarray(each)) for each in layer.get_weights()]
    match type(layer).__name__:
        case "Conv2D":
            kernel = weights[0].permute(3, 2, 0, 1).contiguous()
            made = nn.Conv2d(kernel.shape[1], kernel.shape[0], 3, padding=1, bias=len(weights) > 1)
            state = {"weight": kernel} | ({"bias": weights[1]} if len(weights) > 1 else {})
        case "BatchNormalization":
            made = nn.BatchNorm2d(len(weights[0]), eps=layer.epsilon)
            state = dict(zip(("weight", "bias", "running_mean", "running_var"), weights, strict=True))
        case "ReLU":
            return [nn.ReLU()]
        case "MaxPooling2D":
            return [nn.MaxPool2d(2)]
        case "GlobalAveragePooling2D":
            return [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        case "Dense":
            made = nn.Linear(*weights[0].shape)
            state = {"weight": weights[0].T.contiguous(), "bias": weights[1]}
        case _:
            return []  # the input, and dropout, which does nothing here
    made.load_state_dict(state, strict=False)
    return [made]


def _picture(grey: Grey, heat: Any) -> bytes:
    import cv2

    resized = cv2.resize(np.asarray(heat, np.float32), (grey.shape[1], grey.shape[0]))
    coloured = cv2.applyColorMap(np.uint8(255 * np.clip(resized, 0, 1)), cv2.COLORMAP_JET)
    background = cv2.cvtColor(np.uint8(255 * grey), cv2.COLOR_GRAY2BGR)
    return bytes(cv2.imencode(".png", cv2.addWeighted(background, 0.6, coloured, 0.4, 0))[1])
