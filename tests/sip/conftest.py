"""Which tests there are: the corpus is read where it lies, so without it there is nothing to collect."""

from tests.sip.corpus import INDEX

collect_ignore = [] if INDEX.exists() else ["test_torture_corpus.py", "test_torture_sockets.py"]
