# ctk has no stubs: PythonQt makes its classes at run time
from typing import Any

def __getattr__(name: str) -> Any: ...
