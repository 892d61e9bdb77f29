"""Write the lists of scripts and resources into the CMakeLists.txt of the modules; a test compares them with the tree."""

from __future__ import annotations

import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
MODULES = ("KDNetSegmentation", "KDNetTraining")
IGNORED = ("__pycache__", "CMakeLists.txt", ".egg-info")

TEMPLATE = """set(MODULE_NAME {module})

set(MODULE_PYTHON_SCRIPTS
{scripts}
  )

set(MODULE_PYTHON_RESOURCES
{resources}
  )

slicerMacroBuildScriptedModule(
  NAME ${{MODULE_NAME}}
  SCRIPTS ${{MODULE_PYTHON_SCRIPTS}}
  RESOURCES ${{MODULE_PYTHON_RESOURCES}}
  WITH_GENERIC_TESTS
  )
"""


def cmake_lists(module: str) -> str:
    """The CMakeLists.txt of a module, as its files ask for."""
    folder = REPOSITORY / module
    files = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and not any(part.endswith(IGNORED) for part in path.relative_to(folder).parts)
    )
    scripts = [name for name in files if name.endswith(".py")]
    resources = [name for name in files if not name.endswith(".py")]
    return TEMPLATE.format(
        module=module,
        scripts="\n".join(f"  {name}" for name in scripts),
        resources="\n".join(f"  {name}" for name in resources),
    )


if __name__ == "__main__":
    for name in MODULES:
        (REPOSITORY / name / "CMakeLists.txt").write_text(cmake_lists(name), encoding="utf-8")
    sys.exit(0)
