"""GGUFs of one model for llama.mjs, by the quantizer of the llama.cpp that is measured: gguf.py LIBRARIES GGUF FOLDER TYPE…

All are made from the F16 one, which has what the given GGUF says. Those that are there stay. Prints nothing.
"""

import ctypes
import os
import sys
from pathlib import Path

TYPES = {"f16": 1, "q4_0": 2, "q8_0": 7, "q4_k_m": 15}  # llama_ftype


class Parameters(ctypes.Structure):
    """The first fields of llama_model_quantize_params, which have not moved for years, and room for the others."""

    _fields_ = [
        ("threads", ctypes.c_int32),
        ("type", ctypes.c_int32),
        ("output_type", ctypes.c_int32),
        ("embedding_type", ctypes.c_int32),
        ("of_quantized", ctypes.c_bool),
        ("rest", ctypes.c_char * 1024),
    ]


def libllama(folder):
    library = None
    for name in ["libggml-base", "libggml.", "libllama."]:
        path = next(path for path in sorted(folder.iterdir()) if path.name.startswith(name))
        library = ctypes.CDLL(str(path), ctypes.RTLD_GLOBAL)
    library.llama_model_quantize_default_params.restype = Parameters
    library.llama_model_quantize.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.POINTER(Parameters)]
    return library


def make(library, source, target, name):
    if target.exists():
        return
    parameters = library.llama_model_quantize_default_params()
    parameters.type = TYPES[name]
    parameters.of_quantized = name == "f16"
    partial = target.with_suffix(".partial")
    if library.llama_model_quantize(str(source).encode(), str(partial).encode(), ctypes.byref(parameters)) != 0:
        sys.exit(f"gguf.py: llama.cpp could not make {target} of {source}; see above")
    os.replace(partial, target)


libraries, source, folder, names = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:]
library = libllama(libraries)
folder.mkdir(parents=True, exist_ok=True)
make(library, source, folder / "f16.gguf", "f16")
for name in names:
    make(library, folder / "f16.gguf", folder / f"{name}.gguf", name)
