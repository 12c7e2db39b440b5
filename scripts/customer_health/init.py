"""Start a project of one's own: copy what a project is made of."""

import shutil
from pathlib import Path

from customer_health.errors import CONFIGURATION, UserError

# What a project is made of. In a wheel it lies in the package, in a checkout around it.
PARTS = (
    "dbt_project.yml", "profiles.yml", "models", "seeds", "macros", "data_tests", "landing",
    "docs", "sample_data",
)  # fmt: skip
IGNORED = "inbox/\nlogs/\nlanding_raw/\npseudonym.key\npublished/\ntarget/\nwarehouse/\n"


def template() -> Path:
    """The folder that has the parts."""
    package = Path(__file__).resolve().parent
    inside = package / "project"
    return inside if inside.is_dir() else package.parents[1]


def run(folder: Path, is_quiet: bool) -> int:
    """Make the folder; UserError(2) where it is there and not empty."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(
            CONFIGURATION,
            f"{folder} is there already, and is left as it is.",
            "Name a folder that is not there yet.",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for part in PARTS:
            source, goal = template() / part, folder / part
            if source.is_dir():
                shutil.copytree(source, goal, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copyfile(source, goal)
        (folder / ".gitignore").write_text(IGNORED, encoding="utf-8")
    except OSError as error:
        raise UserError(
            CONFIGURATION,
            f"{folder} cannot be written: {str(error.strerror).lower()}.",
            "Free some space or fix the permissions, remove what is there of it, and run again.",
        ) from None
    if not is_quiet:
        print(
            f"{folder} is a project with sample data.\n"
            f"Next: cd {folder} && customer-health build && customer-health show\n"
            "Weights and thresholds are in seeds/scoring/*.csv. Your own data: customer-health"
            " check DIR."
        )
    return 0
