"""Run a model on volumes, from resampling to a labelmap on exactly the input grid."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field

import torch

from kdnet.causes import device_failed, memory_ran_out
from kdnet.data.preprocessing.prepare import CropTransform, prepare_image
from kdnet.data.volumes.grid import Volume
from kdnet.errors import DataError, DeviceError, SettingsError
from kdnet.foreign import reason
from kdnet.inference.decoding import VoxelLabels
from kdnet.inference.labeling import label, label_each_voxel, label_with_maps
from kdnet.inference.precision import reduced_precision
from kdnet.inference.sliding_window import WHOLE_VOXELS, forward, passes
from kdnet.inference.tuning import Layout, arrange, choose_layout, using_threads
from kdnet.model_file import Model
from kdnet.schema.decoding import Decoding
from kdnet.schema.modalities import format_modalities
from kdnet.schema.segmentation import Progress, ProgressCallback, Stage


@dataclass(frozen=True, eq=False)
class Prediction:
    """The output of a model.

    Attributes:
        labelmap: uint8, on the grid of the input.
        probabilities: region (or label) name to its probability in percent, uint8 on the same grid; empty unless
            requested, 0 away from labels if only ``confidence`` was.
    """

    labelmap: Volume
    probabilities: Mapping[str, Volume] = field(default_factory=dict)


class Predictor:
    """Segments volumes with one model.

    Args:
        model: loaded model.
        device: device to compute on.
        tta: test-time augmentation: average over eight mirrored images; eight times slower, slightly better.
        whole_voxels: largest prepared image to pass through the network at once.
        tune: choose memory layout and threads by a short measurement, which is kept for later processes.

    Attributes:
        device: device in use; the CPU after another device failed.
        note: why the CPU took over, empty when it did not.

    Raises:
        SettingsError: when the device cannot hold the model.
        DeviceError: when the device cannot be used at all.

    Example:
        >>> from pathlib import Path
        >>> from kdnet.data.volumes.io import read_volume
        >>> from kdnet.model_file import load_model
        >>> model = load_model(Path("Resources/Models/Phantom demo.safetensors"))
        >>> scan = read_volume(Path("Resources/SampleData/Phantom_002_t1ce.nii.gz"))
        >>> labelmap = Predictor(model, torch.device("cpu")).predict([scan]).labelmap.voxels
        >>> labelmap.shape == scan.voxels.shape, labelmap.dtype.name, bool(labelmap.any())
        (True, 'uint8', True)
    """

    def __init__(
        self,
        model: Model,
        device: torch.device,
        *,
        tta: bool = False,
        whole_voxels: int = WHOLE_VOXELS,
        tune: bool = False,
    ) -> None:
        self.model = model
        self.device = device
        self.tta = tta
        self.whole_voxels = whole_voxels
        self.note = ""
        try:
            self.network = model.network.to(device)
        except RuntimeError as error:
            if device_failed(error):
                raise DeviceError(f"{device} cannot be used ({reason(error)}): choose cpu.") from error
            if not memory_ran_out(error):
                raise
            raise SettingsError(f"{device} does not have enough free memory for the model: choose cpu.") from error
        self._layout: Layout | None = None
        if tune and device.type == "cpu":
            self._layout = choose_layout(self.network, model.card.network, reduced_precision(device, model.card.figures))
            arrange(self.network, self._layout)

    @torch.inference_mode()
    def predict(
        self,
        volumes: Sequence[Volume],
        *,
        probabilities: bool = False,
        confidence: bool = False,
        names: Sequence[str] = (),
        progress: ProgressCallback = lambda _progress: None,
    ) -> Prediction:
        """Segment one case.

        Args:
            volumes: one per modality, in the model's order, all on one grid.
            probabilities: whether to return probability maps too.
            confidence: whether to return probability maps that are right within labels at least, which takes no longer.
            names: volume names, for messages.
            progress: called with each stage.

        Raises:
            DataError: when the volumes do not fit the model or each other.
        """
        logits, transform = self._scores(volumes, names, progress)
        table, decoding = self.model.card.labels, self.model.card.decoding
        if not probabilities and not confidence:
            return Prediction(Volume(label(logits, transform, table, progress, decoding), transform.original))
        labelmap, maps = label_with_maps(logits, transform, table, progress, decoding, everywhere=probabilities)
        volumes_by_name = {name: Volume(voxels, transform.original) for name, voxels in maps.items()}
        return Prediction(Volume(labelmap, transform.original), volumes_by_name)

    @torch.inference_mode()
    def predict_each_voxel(self, volumes: Sequence[Volume], decoding: Decoding) -> VoxelLabels:
        """Return what the model says of each voxel by itself, before ``decoding`` removes anything.

        Args:
            volumes: as for :meth:`predict`.
            decoding: to prepare for, instead of that of the card.

        Raises:
            DataError: when the volumes do not fit the model or each other.
        """
        logits, transform = self._scores(volumes, (), lambda _progress: None)
        return label_each_voxel(logits, transform, self.model.card.labels, decoding)

    def _scores(
        self, volumes: Sequence[Volume], names: Sequence[str], progress: ProgressCallback
    ) -> tuple[torch.Tensor, CropTransform]:
        """Return the logits ``[channel, i, j, k]`` of one case, and where they lie in its volumes."""
        wanted = self.model.card.modalities
        if len(volumes) != len(wanted):
            raise DataError(
                f"the model needs {len(wanted)} volumes ({format_modalities(wanted)}), but {len(volumes)} were given: "
                "provide one for each modality."
            )
        progress(Progress(Stage.PREPARE, 0, 1))
        image, transform = prepare_image(volumes, self.model.card.preprocessing, names)
        progress(Progress(Stage.PREPARE, 1, 1))
        return self._forward_somewhere(torch.from_numpy(image)[None], progress), transform

    def _forward_somewhere(self, image: torch.Tensor, progress: ProgressCallback) -> torch.Tensor:
        """Run the network on the device, or on the CPU where the device, its driver or its PyTorch build cannot."""
        try:
            return self._forward(image, progress)
        except RuntimeError as error:
            if not device_failed(error):
                raise
            message = f"{self.device} cannot run this model ({reason(error)}): choose cpu, or update PyTorch."
            if self.device.type == "cpu":
                raise DeviceError(message) from error
            try:
                self.network = self.model.network.to("cpu")
            except RuntimeError:  # the weights were lost with the device
                raise DeviceError(message) from error
            self.device = torch.device("cpu")
            self.note = message
        return self._forward(image, progress)

    def _forward(self, image: torch.Tensor, progress: ProgressCallback) -> torch.Tensor:
        """Compute the logits ``[channel, i, j, k]`` of ``image``, all of them finite.

        Where 16 bits overflow, or are too imprecise for a network, it is computed in 32.
        """
        reduced = reduced_precision(self.device, self.model.card.figures)
        for kind in (None,) if reduced is None else (reduced, None):
            logits = self._logits(image, progress, kind)
            if torch.isfinite(logits).all():
                return logits
        raise DataError(
            f"the model {self.model.card.name} produces NaN or infinite scores for this volume: choose another model, or"
            " train it again if it is your own."
        )

    def _arranged(self, image: torch.Tensor) -> torch.Tensor:
        last = self._layout is not None and self._layout.channels_last
        return image.contiguous(memory_format=torch.channels_last_3d) if last else image

    def _logits(self, image: torch.Tensor, progress: ProgressCallback, kind: torch.dtype | None) -> torch.Tensor:
        window = self.model.card.sliding_window_size
        total = passes(image, tta=self.tta, window=window, whole_voxels=self.whole_voxels)
        done = 0

        def step() -> None:
            nonlocal done
            done += 1
            progress(Progress(Stage.FORWARD, min(done, total), total))

        def logits_of(whole_voxels: int) -> torch.Tensor:
            return forward(
                self.network,
                self._arranged(image.to(self.device)),
                self.model.card.labels.mode,
                tta=self.tta,
                window=window,
                whole_voxels=whole_voxels,
                step=step,
            )

        threads = using_threads(self._layout.threads) if self._layout else nullcontext()
        with threads, torch.autocast(self.device.type, dtype=kind, enabled=kind is not None):
            logits = _unless_out_of_memory(logits_of, self.whole_voxels)
            if logits is None:
                # the whole head does not fit: windows need a fraction of the memory
                if self.device.type == "cuda":
                    torch.cuda.empty_cache()
                done = 0
                logits = _unless_out_of_memory(logits_of, 0)
        if logits is None:
            raise SettingsError(f"{self.device} does not have enough free memory for this volume: choose another device.")
        return logits[0].float().cpu()


def _unless_out_of_memory(logits_of: Callable[[int], torch.Tensor], whole_voxels: int) -> torch.Tensor | None:
    """Return the logits, or None if memory is insufficient; on return, nothing of the attempt stays in memory."""
    try:
        return logits_of(whole_voxels)
    except RuntimeError as error:
        if not memory_ran_out(error):
            raise
        return None
