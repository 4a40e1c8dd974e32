"""Every sub-package of the rooms that pyproject.toml lists: setuptools cannot find packages below a mapped name."""

import tomllib
from pathlib import Path

from setuptools import find_packages, setup

PROJECT = tomllib.loads((Path(__file__).parent / "pyproject.toml").read_text(encoding="utf-8"))
ROOMS: dict[str, str] = PROJECT["tool"]["setuptools"]["package-dir"]

setup(
    packages=[
        package
        for room, folder in ROOMS.items()
        for package in (room, *(f"{room}.{inner}" for inner in find_packages(folder)))
    ]
)
