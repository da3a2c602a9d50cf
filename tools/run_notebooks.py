#!/usr/bin/env python3
"""Runs notebooks and writes their outputs into them: python tools/run_notebooks.py [NOTEBOOK ...]

Each runs in an empty home folder that holds nothing but the project, so its outputs are those of a
newcomer without AI Studio's data. Needs requirements-test.txt. Without arguments: all of them.
"""

import base64
import hashlib
import io
import os
import sys
import tempfile
from pathlib import Path

import matplotlib
import nbformat
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient
from nbformat import NotebookNode
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
# What of the project the notebooks use.
PARTS = ("train.py", "evaluate.py", "predict.py", "paddle_aug", "models", "configs", "tools")
MOST_PIXELS = 800  # width of a picture in a committed notebook
JPEG_QUALITY = 70


def place_project(folder: Path) -> None:
    """Make `folder` a project's folder, by links to this one's parts."""
    folder.mkdir(parents=True)
    for name in PARTS:
        (folder / name).symlink_to(ROOT / name)


def execute(notebook: NotebookNode, home: Path, folder: Path, timeout: int = 300) -> None:
    """Run all cells in a kernel that is started in `folder` with the home folder `home`.

    Outputs are added to the notebook. Raises nbclient's CellExecutionError where a cell fails.
    """
    environment = {
        k: v for k, v in os.environ.items() if k not in ("PADDLE_AUG_DATA", "PYTHONPATH")
    }
    environment["HOME"] = str(home)
    environment["PADDLE_AUG_LANGUAGE"] = "en"  # whatever the locale of this machine
    # In a new home folder Matplotlib would look through all fonts again.
    environment.setdefault("MPLCONFIGDIR", matplotlib.get_cachedir())
    with tempfile.TemporaryDirectory() as sockets:
        # Over Unix sockets: a sealed machine may have no network at all, not even its own.
        kernel = KernelManager(transport="ipc", ip=f"{sockets}/kernel")
        client = NotebookClient(
            notebook,
            km=kernel,
            timeout=timeout,
            record_timing=False,
            coalesce_streams=True,
            resources={"metadata": {"path": str(folder)}},
        )
        try:
            client.execute(env=environment)
        finally:
            kernel.shutdown_kernel(now=True)  # nbclient ends only kernels that it started itself


def digest(source: str) -> str:
    """What a cell's metadata keep of the source that its outputs are from."""
    return hashlib.sha256(source.encode()).hexdigest()[:16]


def tidy(notebook: NotebookNode) -> None:
    """Make pictures small and note in each code cell which source they are from."""
    notebook.metadata["language_info"] = {"name": "python"}
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        cell.metadata["executed"] = digest(cell.source)
        for output in cell.outputs:
            if "text" in output:
                output["text"] = output["text"].replace("\r\n", "\n")
            data = output.get("data", {})
            if "image/png" in data:
                data["image/jpeg"] = _small(data.pop("image/png"))
                output["metadata"] = {}


def _small(picture: str) -> str:
    """A PNG as a JPEG of at most MOST_PIXELS width; both in base64."""
    image = Image.open(io.BytesIO(base64.b64decode(picture)))
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image.thumbnail((MOST_PIXELS, 10 * MOST_PIXELS))
    written = io.BytesIO()
    image.convert("RGB").save(written, "jpeg", quality=JPEG_QUALITY, optimize=True)
    return base64.b64encode(written.getvalue()).decode()


def main() -> None:
    os.environ.pop("OMP_NUM_THREADS", None)  # as on a newcomer's machine: all cores compute
    for path in [Path(name) for name in sys.argv[1:]] or NOTEBOOKS:
        notebook = nbformat.read(path, as_version=4)
        with tempfile.TemporaryDirectory() as home:
            project = Path(home) / "paddle_aug"
            place_project(project)
            execute(notebook, Path(home), project)
        tidy(notebook)
        nbformat.write(notebook, path)
        print(f"{path}: {path.stat().st_size / 1000:.0f} KB")


if __name__ == "__main__":
    main()
