"""Where the corpus of torture messages lies, if it does: beside the repository."""

from pathlib import Path

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
INDEX = CORPUS / "index.json"
