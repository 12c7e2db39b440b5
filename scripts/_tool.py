"""For the old names of the commands of the laboratory, which lies in tools/."""

import runpy
import sys
from pathlib import Path


def run(name: str) -> None:
    tools = Path(__file__).resolve().parents[1] / "tools"
    sys.path.insert(0, str(tools))
    sys.argv[0] = str(tools / f"{name}.py")
    runpy.run_path(sys.argv[0], run_name="__main__")
