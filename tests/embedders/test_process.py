"""What loading does to a process: each test runs a small program in a new one."""

import subprocess
import sys
from pathlib import Path

PROJECT_DIR = Path(__file__).resolve().parents[2]

NO_NETWORK = """
import socket

def refuse(*_args, **_kwargs):
    raise AssertionError("the network was used")

socket.socket.connect = refuse
socket.socket.connect_ex = refuse
socket.getaddrinfo = refuse
socket.create_connection = refuse
"""


def run(program: str) -> str:
    finished = subprocess.run(
        [sys.executable, "-c", program],
        cwd=PROJECT_DIR,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_model_loads_and_embeds_without_a_network() -> None:
    program = f"""{NO_NETWORK}
from processing.embedders import get_embedder
print(get_embedder().embed(["a question", "and a passage"]).shape)
"""
    assert run(program) == "(2, 384)\n"


def test_names_are_found_without_a_network() -> None:
    program = f"""{NO_NETWORK}
from processing.policy.pii.names import find_names
from processing.policy.pii.scan import scan
from tenants.configuration import PiiType
text = "Angela Merkel, angela@example.org"
print(len(find_names([text], list(PiiType))[0]), len(scan(text, list(PiiType))))
"""
    assert run(program) == "1 1\n"


def test_policy_package_is_light_until_a_gate_runs() -> None:
    program = """
import sys
import processing.policy
import processing.embedders
print([name for name in ("torch", "spacy", "presidio_analyzer") if name in sys.modules])
"""
    assert run(program) == "[]\n"


def test_embedding_needs_no_transformers() -> None:
    program = """
import sys
from processing.embedders import get_embedder
get_embedder().embed(["text"])
print([name for name in ("transformers", "sentence_transformers", "torchvision")
       if name in sys.modules])
"""
    assert run(program) == "[]\n"


def test_forked_child_loads_its_own_model_and_agrees() -> None:
    program = """
import os
import numpy as np
from processing import embedders
texts = ["one", "two words", "and three of them"] * 40
mine = embedders.get_embedder()
vectors = mine.embed(texts)
embedders._lock.acquire()
child = os.fork()
if child == 0:
    other = embedders.get_embedder()
    same = other is not mine and np.allclose(other.embed(texts), vectors, atol=1e-3)
    os._exit(0 if same else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert run(program) == "0\n"


def test_torchvision_can_be_imported_after_the_declaration() -> None:
    program = """
from processing.embedders.torch_compat import declare_missing_operators
declare_missing_operators()
import torchvision.transforms
print(declare_missing_operators())
"""
    assert run(program) == "()\n"
