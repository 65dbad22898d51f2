"""hls4ml's writer of the backend XnorVitis."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hls4ml.writer import Writer

from .. import project
from ..text import write_into
from .graph import network_of


class XnorVitisWriter(Writer):
    """Writes the project of a ModelGraph."""

    def write_hls(self, model: Any) -> None:
        """Write the project into the configuration's OutputDir, over what is there, and remember the stamp.

        Raises:
            UserError: a layer cannot be built.
        """
        config, place = model.config.config, str(model.config.get_output_dir())
        config["Stamp"] = write_into(network_of(model), model.config.get_project_name(), config, Path(place), place)


def write_project(graph: Any, out_dir: Path) -> Path:
    """Write the HLS project of a ModelGraph into a new folder; see `hw.hls.project.write_project`."""
    return project.write_project(network_of(graph), graph.config.get_project_name(), graph.config.config, out_dir)
