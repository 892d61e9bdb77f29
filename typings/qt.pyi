# PythonQt has no stubs: its classes are made at run time
from typing import Any

def __getattr__(name: str) -> Any: ...
