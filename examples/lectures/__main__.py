"""All lectures, one after the other: ``python examples/lectures [--out DIR]``."""

import importlib
import sys
from pathlib import Path

for path in sorted(Path(__file__).parent.glob("l[0-9]*.py")):
    module = importlib.import_module(path.stem)
    print(f"\n{module.__doc__.splitlines()[0]}\n")
    module.main(sys.argv[1:])
