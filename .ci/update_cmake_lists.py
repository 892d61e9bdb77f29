"""Write the lists of scripts and resources into the CMakeLists.txt of the modules; a test compares them with the tree."""

from __future__ import annotations

import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
MODULES = ("KDNetSegmentation", "KDNetTraining")
IGNORED = ("__pycache__", "CMakeLists.txt", ".egg-info")

LISTS = """set(MODULE_NAME {module})

set(MODULE_PYTHON_SCRIPTS
{scripts}
  )

set(MODULE_PYTHON_RESOURCES
{resources}
  )
"""

MODULE = """
slicerMacroBuildScriptedModule(
  NAME ${MODULE_NAME}
  SCRIPTS ${MODULE_PYTHON_SCRIPTS}
  RESOURCES ${MODULE_PYTHON_RESOURCES}
  WITH_GENERIC_TESTS
  )

if(BUILD_TESTING)
  slicer_add_python_unittest(SCRIPT ${MODULE_NAME}.py)
endif()
"""

# a folder of packages that modules import, without a module of its own
PACKAGES = """
ctkMacroCompilePythonScript(
  TARGET_NAME ${MODULE_NAME}
  SCRIPTS "${MODULE_PYTHON_SCRIPTS}"
  RESOURCES "${MODULE_PYTHON_RESOURCES}"
  DESTINATION_DIR ${CMAKE_BINARY_DIR}/${Slicer_QTSCRIPTEDMODULES_LIB_DIR}
  INSTALL_DIR ${Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR}
  NO_INSTALL_SUBDIR
  )
"""


def cmake_lists(module: str) -> str:
    """Return the CMakeLists.txt of a module, as its files ask for."""
    folder = REPOSITORY / module
    files = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and not any(part.endswith(IGNORED) for part in path.relative_to(folder).parts)
    )
    scripts = [name for name in files if name.endswith(".py")]
    resources = [name for name in files if not name.endswith(".py")]
    lists = LISTS.format(
        module=module,
        scripts="\n".join(f"  {name}" for name in scripts),
        resources="\n".join(f"  {name}" for name in resources),
    )
    return lists + (MODULE if f"{module}.py" in scripts else PACKAGES)


if __name__ == "__main__":
    for name in MODULES:
        (REPOSITORY / name / "CMakeLists.txt").write_text(cmake_lists(name), encoding="utf-8")
    sys.exit(0)
