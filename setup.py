"""Builds the Cython extensions; everything else about the package is in pyproject.toml.

Every ``.pyx`` below a room becomes one extension module. ``SGC_EXT=protocols.wmbus`` restricts a
build to one prefix, ``SGC_TRACE=1`` builds with line tracing for coverage, ``SGC_FUZZ=1`` (with clang) for
libFuzzer: with its counters and with AddressSanitizer.
"""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

ROOMS = ("protocols", "billing", "firmware_sim", "edge", "central")
# libcrypto is linked by its run-time name so that no development package has to be installed; who uses it declares
# the prototypes (protocols/wmbus/crypto.pxd).
CRYPTO = ("protocols.wmbus", "billing.fiscal")


def extensions() -> list[Extension]:
    """One Extension for each ``.pyx`` file, filtered by ``SGC_EXT``."""
    prefix = os.environ.get("SGC_EXT", "")
    found = []
    for room in (*ROOMS, *(["tests/fuzz"] if os.environ.get("SGC_FUZZ") else [])):
        for path in sorted(Path(room).rglob("*.pyx")):
            name = ".".join(path.with_suffix("").parts)
            if name.startswith(prefix):
                found.append(extension(name, path))
    return found


def extension(name: str, path: Path) -> Extension:
    """The compile and link settings of one module."""
    compile_args = ["-O3", "-g0"]
    link_args = []
    macros = []
    if os.environ.get("SGC_FUZZ"):
        compile_args = ["-O1", "-g", "-fsanitize=address,fuzzer-no-link", "-fno-omit-frame-pointer"]
        link_args.append("-fsanitize=address")
    if os.environ.get("SGC_TRACE"):
        macros += [("CYTHON_TRACE", "1"), ("CYTHON_TRACE_NOGIL", "1"), ("CYTHON_USE_SYS_MONITORING", "0")]
    if name.startswith(CRYPTO):
        link_args.append("-l:libcrypto.so.3")
    return Extension(
        name,
        [str(path)],
        extra_compile_args=compile_args,
        extra_link_args=link_args,
        define_macros=macros,
    )


DIRECTIVES = {
    "language_level": 3,
    "embedsignature": True,
    "boundscheck": False,
    "wraparound": False,
    "cdivision": True,
    "linetrace": bool(os.environ.get("SGC_TRACE")),
}

setup(
    ext_modules=cythonize(
        extensions(),
        compiler_directives=DIRECTIVES,
        build_dir="build/cython",
        nthreads=int(os.environ.get("SGC_JOBS", "0")),
    )
)
