"""Was the machine quiet? What else it did while a timing was taken.

The processor's time is read before and after: what the whole machine spent, less what this process and its
children spent, was spent by others. Nothing samples in between, which would disturb what it watches. GPUs are
asked through NVML where its bindings are installed (the extra ``[nvml]``), else through ``nvidia-smi``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from srbench.types import Conditions, GpuState

OTHERS_PER_CORE = 0.05
"""Share of all cores that others may use on a quiet machine, but a tenth of a core at the least."""
STOLEN_PER_CORE = 0.02
"""Share of all cores that a virtual machine's host may take."""
LEAST_SECONDS = 0.5
"""Watched at the least: the kernel counts in hundredths of a second."""

_GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
_THROTTLES = {
    0x4: "power cap",
    0x8: "hardware slowdown",
    0x20: "thermal limit",
    0x40: "hardware thermal limit",
    0x80: "power brake",
}
"""NVML's reasons that hold clocks down; idling and clocks that somebody set are none."""
_QUERY = "name,driver_version,clocks.sm,clocks.mem,power.limit,power.draw,temperature.gpu"
_THROTTLE_QUERIES = ("clocks_event_reasons.active", "clocks_throttle_reasons.active")
"""The new name, and that of drivers before 530."""
_SECONDS_TO_WAIT = 10.0


@dataclass(frozen=True)
class _Spent:
    """Core seconds, since any fixed moment."""

    at: float
    busy: float
    stolen: float
    own: float


def _spent() -> _Spent:
    cpu = psutil.cpu_times()
    working = (cpu.user, getattr(cpu, "nice", 0.0), cpu.system, *_interrupts(cpu))
    own = psutil.Process().cpu_times()
    mine = own.user + own.system + own.children_user + own.children_system
    return _Spent(time.monotonic(), sum(working), getattr(cpu, "steal", 0.0), mine)


def _interrupts(cpu: object) -> tuple[float, float]:
    return getattr(cpu, "irq", 0.0), getattr(cpu, "softirq", 0.0)


class Watch:
    """Watches the machine from entering to leaving; then `conditions` says what was seen.

    Args:
        machine: the machine in words, for the record.
        device: torch's word; a GPU is asked about when the watch ends.
    """

    def __init__(self, machine: str, device: str = "cpu") -> None:
        self.machine = machine
        self.device = device
        self.conditions: Conditions | None = None

    def __enter__(self) -> Self:
        self._load = os.getloadavg()[0]
        self._before = _spent()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        gpu = gpu_state(self.device)  # at once: an idle GPU soon lowers its clocks
        time.sleep(max(0.0, self._before.at + LEAST_SECONDS - time.monotonic()))
        self.conditions = conditions_between(self._before, _spent(), self.machine, self._load, gpu)


def conditions_between(
    before: _Spent, after: _Spent, machine: str, load: float, gpu: GpuState | None
) -> Conditions:
    """What two readings of the clocks say."""
    seconds = max(after.at - before.at, 1e-9)
    others = max(0.0, (after.busy - before.busy) - (after.own - before.own)) / seconds
    stolen = max(0.0, after.stolen - before.stolen) / seconds
    return Conditions(
        machine=machine,
        governor=_governor(),
        mhz=_mhz(),
        load=load,
        seconds=round(seconds, 3),
        other_cores=round(others, 3),
        stolen_cores=round(stolen, 3),
        gpu=gpu,
        disturbances=tuple(disturbances(others, stolen, psutil.cpu_count() or 1, gpu)),
    )


def disturbances(others: float, stolen: float, cores: int, gpu: GpuState | None) -> list[str]:
    """Why a machine was not quiet, in words; empty if it was."""
    found = []
    if others > max(0.1, OTHERS_PER_CORE * cores):
        found.append(f"other processes kept {others:.2f} of {cores} cores busy")
    if stolen > max(0.02, STOLEN_PER_CORE * cores):
        found.append(f"the host took {stolen:.2f} of {cores} cores away")
    if gpu is not None and gpu.throttled:
        found.append(f"the GPU's clocks were held down: {', '.join(gpu.throttled)}")
    if gpu is not None and gpu.processes > 1:
        found.append(f"{gpu.processes - 1} other processes computed on the GPU")
    return found


def _governor() -> str:
    try:
        return _GOVERNOR.read_text().strip()
    except OSError:
        return ""


def _mhz() -> float:
    try:
        return round(psutil.cpu_freq().current, 1)
    except (AttributeError, OSError, NotImplementedError):  # None, or no such file
        return 0.0


# ------------------------------------------------------------------------------------------- GPUs


def gpu_state(device: str) -> GpuState | None:
    """A GPU's state now; None for the processor, or where neither NVML nor ``nvidia-smi`` answers."""
    if device.partition(":")[0] != "cuda":
        return None
    identity = _identity(device)
    found = _asked_nvml(identity) or _asked_smi(identity)
    return found and replace(found, runtime=_runtime())


def _runtime() -> str:
    import torch

    cudnn: int | None = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
    return f"CUDA {torch.version.cuda}, cuDNN {cudnn}"


def _identity(device: str) -> str:
    """A GPU's UUID as its driver writes it: PyTorch may number the devices otherwise than the driver does."""
    import torch

    uuid = getattr(torch.cuda.get_device_properties(device), "uuid", None)  # older versions tell none
    return f"GPU-{uuid}" if uuid else device.partition(":")[2] or "0"


def _asked_nvml(identity: str) -> GpuState | None:
    """Through NVML's Python bindings. Never tried on a GPU."""
    try:
        import pynvml as nvml
    except ImportError:
        return None
    try:
        nvml.nvmlInit()
        by_name = identity.startswith("GPU-")
        gpu = (
            nvml.nvmlDeviceGetHandleByUUID(identity)
            if by_name
            else nvml.nvmlDeviceGetHandleByIndex(int(identity))
        )
        return GpuState(
            name=_text(nvml.nvmlDeviceGetName(gpu)),
            driver=_text(nvml.nvmlSystemGetDriverVersion()),
            sm_mhz=float(nvml.nvmlDeviceGetClockInfo(gpu, nvml.NVML_CLOCK_SM)),
            memory_mhz=float(nvml.nvmlDeviceGetClockInfo(gpu, nvml.NVML_CLOCK_MEM)),
            power_limit_w=nvml.nvmlDeviceGetEnforcedPowerLimit(gpu) / 1000,
            power_w=nvml.nvmlDeviceGetPowerUsage(gpu) / 1000,
            temperature_c=float(nvml.nvmlDeviceGetTemperature(gpu, nvml.NVML_TEMPERATURE_GPU)),
            throttled=throttles(int(nvml.nvmlDeviceGetCurrentClocksThrottleReasons(gpu))),
            processes=len(nvml.nvmlDeviceGetComputeRunningProcesses(gpu)),
        )
    except (nvml.NVMLError, AttributeError):
        return None


def _text(value: str | bytes) -> str:
    """Old bindings give bytes."""
    return value.decode() if isinstance(value, bytes) else value


def throttles(reasons: int) -> tuple[str, ...]:
    """NVML's bits in words."""
    return tuple(words for bit, words in _THROTTLES.items() if reasons & bit)


def _asked_smi(identity: str) -> GpuState | None:
    processes = _smi(identity, "--query-compute-apps=pid")
    for throttle_query in _THROTTLE_QUERIES:
        line = _smi(identity, f"--query-gpu={_QUERY},{throttle_query}")
        if line:
            return parse_smi(line, len(processes.split()))
    return None


def parse_smi(line: str, processes: int) -> GpuState | None:
    """The state in a line of ``nvidia-smi --format=csv,noheader,nounits``; None if it is another."""
    values = [value.strip() for value in line.split(",")]
    if len(values) != len(_QUERY.split(",")) + 1:
        return None
    name, driver, *numbers, reasons = values
    sm, memory, limit, draw, temperature = (_number(value) for value in numbers)
    bits = int(reasons, 16) if reasons.startswith("0x") else 0
    return GpuState(name, driver, sm, memory, limit, draw, temperature, throttles(bits), processes)


def _number(text: str) -> float:
    """``[N/A]``, which some cards say, is 0."""
    try:
        return float(text)
    except ValueError:
        return 0.0


def _smi(identity: str, query: str) -> str:
    program = shutil.which("nvidia-smi")
    if program is None:
        return ""
    try:
        done = subprocess.run(  # noqa: S603 (a fixed list of arguments, no shell)
            [program, f"--id={identity}", query, "--format=csv,noheader,nounits"],
            capture_output=True,
            text=True,
            timeout=_SECONDS_TO_WAIT,
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
