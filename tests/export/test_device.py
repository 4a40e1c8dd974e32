"""Devices are read from their descriptions, and shares are plain fractions."""

import pytest

from edgetrack.export.device import Device, load_device
from edgetrack.export.yosys import Resources


def test_every_described_device_is_whole() -> None:
    for name in ("xcvu13p", "xcvu9p"):
        device = load_device(name)
        assert device.part.startswith(name)
        assert min(device.lut, device.ff, device.dsp, device.bram36) > 0


def test_shares_are_fractions_of_the_device() -> None:
    device = Device("tiny", lut=1000, ff=2000, dsp=10, bram36=4)
    design = Resources(lut=250, ff=100, carry4=9, dsp=0, bram36=1.0)
    assert device.shares(design) == {"lut": 250 / 1000, "ff": 100 / 2000, "dsp": 0.0, "bram36": 1 / 4}


def test_a_part_with_package_and_speed_is_its_die() -> None:
    assert load_device("xcvu9p-flga2577-1-i") == load_device("xcvu9p")


def test_unknown_device_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="xcvu13p, xcvu9p"):
        load_device("xc7a35t")
