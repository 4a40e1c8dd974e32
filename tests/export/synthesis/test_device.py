"""Devices are read from their descriptions, and shares are plain fractions."""

import pytest

from edgetrack.export.synthesis.device import Device, load_device
from edgetrack.export.synthesis.yosys import Resources


def test_every_described_device_is_whole() -> None:
    for name in ("xcvu13p", "xcvu9p", "lfe5um5g-85f"):
        device = load_device(name)
        assert device.part.lower().startswith(name)
        assert min(device.lut, device.ff, device.dsp, device.bram36, device.lutram) > 0
        assert device.lutram <= device.lut
        assert (device.uram > 0) == name.startswith("xcvu")
        assert bool(device.nextpnr) == name.startswith("lfe5")


def test_shares_are_fractions_of_the_device() -> None:
    device = Device("tiny", lut=1000, ff=2000, dsp=10, bram36=4, lutram=500)
    design = Resources(lut=250, ff=100, carry4=9, dsp=0, bram36=1.0, lutram=50)
    assert device.shares(design) == {
        "lut": 250 / 1000,
        "ff": 100 / 2000,
        "dsp": 0.0,
        "bram36": 1 / 4,
        "lutram": 50 / 500,
    }
    with_uram = Device("tiny", lut=1, ff=1, dsp=1, bram36=1, uram=4)
    assert with_uram.shares(Resources(0, 0, 0, 0, 0, uram=1))["uram"] == 1 / 4


def test_a_part_with_package_and_speed_is_its_die() -> None:
    assert load_device("xcvu9p-flga2577-1-i") == load_device("xcvu9p")
    assert load_device("lfe5um5g-85f-8bg756") == load_device("lfe5um5g-85f")


def test_unknown_device_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="lfe5um5g-85f, xcvu13p, xcvu9p"):
        load_device("xc7a35t")
