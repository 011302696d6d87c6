"""A model's process as its parent lives with it: words, turns, stops, deaths, and what is kept between questions."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from tests.server.generation.gguf_models import write_model

from whence_server.errors import PromptError, WorkerError
from whence_server.generation.generator import Request

pytestmark = pytest.mark.model
SYSTEM = "You answer questions about code. " * 4


def ask(text="What is this?", grammar=None, tokens=24, system=SYSTEM, asker=""):
    return Request(system, text, grammar, tokens, asker)


def endless(worker, on_word=lambda: None):
    """Ask for a text without end, with an ear for its words."""
    return worker.generate(ask(tokens=900, grammar='root ::= [a-z ]+ "\\n"'), told=lambda text: on_word())


def test_words_come_as_they_are_written(work, slow):
    told = []
    written = work(slow).generate(ask(grammar='root ::= "to be" " or not to be"?', tokens=60), told=told.append)
    assert "".join(told) == written.text
    assert written.text in ("to be", "to be or not to be")
    assert written.finish == "end"
    assert all(value <= 0 for value in written.logprobs)
    told.clear()
    written = work(slow).generate(ask(grammar="root ::= [a-z]+", tokens=120), told=told.append)
    assert "".join(told) == written.text
    assert 3 < len(told) <= len(written.logprobs) + 1


def test_a_text_is_cut_at_the_number_of_tokens(work, tiny):
    written = work(tiny).generate(ask(grammar="root ::= [a-z]+", tokens=5))
    assert written.finish == "length"
    assert len(written.text) == 5


def test_characters_of_several_tokens_arrive_whole(work, tiny):
    told = []
    work(tiny).generate(ask(grammar='root ::= "größer als 😀 ist 大"', tokens=60), told=told.append)
    assert "".join(told) == "größer als 😀 ist 大"


def test_the_same_question_gets_the_same_words(work, tiny):
    worker = work(tiny)
    texts = {worker.generate(ask(f"{text}")).text for text in ("one", "two", "one", "two", "one")}
    alone = {work(tiny).generate(ask(text)).text for text in ("one", "two")}
    assert texts == alone


def test_a_beginning_that_was_read_is_not_read_again(work, tiny):
    worker = work(tiny)
    first = worker.generate(ask("A long piece of evidence. " * 10 + "What?"))
    second = worker.generate(ask("A long piece of evidence. " * 10 + "Why?"))
    assert second.reused > 0.9 * first.prompt_tokens


def test_what_all_prompts_begin_with_is_kept_between_starts(work, tiny, tmp_path):
    written = work(tiny, systems=(SYSTEM,)).generate(ask())
    (kept,) = (tmp_path / "cache" / "prefixes").glob("*.prefix")
    before = kept.stat().st_mtime_ns
    again = work(tiny, systems=(SYSTEM,)).generate(ask())
    assert again.text == written.text
    assert again.reused >= len(SYSTEM)
    assert kept.stat().st_mtime_ns == before


@pytest.mark.parametrize("damage", [lambda data: data[:-100], lambda data: data[:600] + b"\xff" * 99 + data[699:]])
def test_a_damaged_beginning_is_computed_again(work, tiny, tmp_path, damage):
    written = work(tiny, systems=(SYSTEM,)).generate(ask())
    (kept,) = (tmp_path / "cache" / "prefixes").glob("*.prefix")
    whole = kept.read_bytes()
    kept.write_bytes(damage(whole))
    worker = work(tiny, systems=(SYSTEM,))
    assert worker.generate(ask()).text == written.text
    assert worker.notes == []
    assert kept.read_bytes() == whole


def test_a_prompt_longer_than_the_context_is_refused_in_words(work, tiny):
    worker = work(tiny)
    with pytest.raises(PromptError, match=r"the prompt has .* tokens, the context 1,024"):
        worker.generate(ask("word " * 1000))
    assert worker.generate(ask()).text


def test_a_grammar_that_makes_no_sense_is_refused_in_words(work, tiny):
    worker = work(tiny)
    for grammar in ("root ::= [", "nothing", 'root ::= "a" | missing', ""):
        with pytest.raises(PromptError, match="grammar"):
            worker.generate(ask(grammar=grammar))
    assert worker.generate(ask()).text


def test_tokens_are_counted_also_while_it_writes(work, tiny):
    worker, counted, times = work(tiny), [], []

    def count():
        started = time.monotonic()
        counted.append(worker.count(["four", ""]))
        times.append(time.monotonic() - started)

    words = iter([count])
    worker.generate(ask(tokens=100, grammar="root ::= [a-z]+"), told=lambda text: next(words, lambda: None)())
    assert counted == [[4, 0]]


class StopAskingError(Exception):
    pass


def test_a_question_can_be_withdrawn_while_it_is_answered(work, slow):
    worker, words = work(slow, context=2048), []

    def check():
        if len(words) > 3:
            raise StopAskingError

    worker.about()
    pid = worker.pid
    with pytest.raises(StopAskingError):
        worker.generate(ask(tokens=1500, grammar="root ::= [a-z]+"), told=words.append, check=check)
    started = time.monotonic()
    assert worker.generate(ask(grammar='root ::= "x"')).text == "x"
    assert time.monotonic() - started < 2
    assert worker.pid == pid


def test_a_question_can_be_withdrawn_while_its_prompt_is_read(work, slow):
    worker = work(slow, context=2048)
    long = ask("So much evidence. " * 80, grammar='root ::= "x"')
    worker.generate(ask(grammar='root ::= "x"'))
    started = time.monotonic()
    whole = worker.generate(long).total
    assert time.monotonic() - started >= whole > 0.2
    long = ask("Very much evidence. " * 70, grammar='root ::= "x"')
    began = time.monotonic()

    def check():
        if time.monotonic() - began > whole / 10:
            raise StopAskingError

    with pytest.raises(StopAskingError):
        worker.generate(long, check=check)
    assert worker.generate(ask(grammar='root ::= "x"')).text == "x"
    assert time.monotonic() - began < whole / 2


def test_askers_are_served_at_the_same_time(work, tiny):
    worker, done = work(tiny), []

    def one(number):
        written = worker.generate(ask(f"question {number}", tokens=60, asker=str(number % 3)))
        done.append((number, written.text))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(number for number, _ in done) == list(range(8))
    alone = work(tiny)
    assert dict(done)[5] == alone.generate(ask("question 5", tokens=60)).text


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (signal.SIGKILL, "killed"),
        (signal.SIGSEGV, "crashed"),
        (signal.SIGILL, "processor lacks"),
        (signal.SIGABRT, "gave up"),
    ],
)
def test_a_death_while_it_answers_is_told_at_once_and_it_comes_back(work, slow, number, words):
    worker, killed = work(slow, context=2048), []

    def kill():
        if not killed:
            killed.append(time.monotonic())
            os.kill(worker.pid, number)

    worker.about()
    with pytest.raises(WorkerError, match=words):
        endless(worker, kill)
    assert time.monotonic() - killed[0] < 2
    with pytest.raises(WorkerError, match=rf"{words}.*starts again in"):
        worker.generate(ask())
    assert words in worker.notes[0]
    ends = time.monotonic() + 20
    while time.monotonic() < ends:
        try:
            assert worker.generate(ask(grammar='root ::= "back"')).text == "back"
            break
        except WorkerError:
            time.sleep(0.1)
    else:
        pytest.fail("it did not come back")


def test_pauses_before_a_restart_grow(work, tiny):
    worker, pauses = work(tiny), []
    for _ in range(3):
        worker.about()
        os.kill(worker.pid, signal.SIGKILL)
        while not worker.notes[len(pauses) :]:
            time.sleep(0.01)
        with pytest.raises(WorkerError) as absent:
            worker.generate(ask())
        pauses.append(float(re.search(r"starts again in ([\d.]+) s", str(absent.value))[1]))
        while worker.pid is None:
            time.sleep(0.01)
    assert pauses[0] < pauses[1] < pauses[2]


def test_a_worker_that_says_nothing_is_ended(work, slow):
    worker = work(slow, context=2048, patience=1.0)
    worker.about()
    os.kill(worker.pid, signal.SIGSTOP)
    started = time.monotonic()
    with pytest.raises(WorkerError, match="said nothing for 1 s"):
        worker.generate(ask())
    assert time.monotonic() - started < 5


def test_a_file_that_is_no_model_is_refused_once(work, tmp_path):
    path = tmp_path / "bad.gguf"
    path.write_bytes(b"GGUF" + os.urandom(500))
    worker = work(path)
    for _ in range(2):
        with pytest.raises(WorkerError, match=r"the model cannot be used: llama\.cpp cannot load bad\.gguf"):
            worker.generate(ask())
    assert worker.pid is None


def test_a_worker_that_dies_while_it_loads_on_a_gpu_is_tried_without(work, tiny):
    worker = work(tiny, gpu_layers=-1)
    worker._child.gpu = True  # as it says on a machine that has one
    os.kill(worker.pid, signal.SIGKILL)
    assert worker.generate(ask(grammar='root ::= "back"')).text == "back"
    assert re.search(r"killed.*it is tried without the GPU", worker.notes[0])
    assert not worker.about()["gpu"]


def test_a_worker_that_dies_while_it_loads_is_not_blamed_on_a_gpu_that_is_not_there(work, tiny):
    worker = work(tiny, gpu_layers=-1)
    os.kill(worker.pid, signal.SIGKILL)
    with pytest.raises(WorkerError, match=r"killed.*starts again in"):
        worker.generate(ask())
    assert "GPU" not in worker.notes[0]


def test_who_gives_up_on_a_worker_that_hangs_is_let_go_and_the_last_of_them_ends_it(work, slow):
    worker = work(slow, context=2048, patience=3.0)
    worker.about()
    os.kill(worker.pid, signal.SIGSTOP)
    started, given_up = time.monotonic(), 0
    long = "word " * 9_000  # two of these fill the pipe to a worker that reads no more

    def impatient():
        begun = time.monotonic()

        def check():
            if time.monotonic() - begun > 0.4:
                raise TimeoutError

        worker.generate(ask(long), check=check)

    def one_after_another():
        nonlocal given_up
        while True:
            with suppress(TimeoutError):
                impatient()
            given_up += 1

    with pytest.raises(WorkerError, match="said nothing for 3 s"):
        one_after_another()
    assert given_up > 3
    assert time.monotonic() - started < 10


def test_a_stopped_worker_is_gone_and_answers_no_more(work, tiny):
    worker = work(tiny)
    worker.about()
    pid = worker.pid
    worker.close()
    worker.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(WorkerError, match="stopped"):
        worker.generate(ask())


def test_a_worker_ends_with_its_parent(tiny, tmp_path):
    script = (
        "from pathlib import Path\nimport os, sys\n"
        "from whence_server.generation.supervisor import Plan, Supervisor\n"
        "worker = Supervisor(Plan(Path(sys.argv[1]), Path(sys.argv[2]), gpu_layers=0))\n"
        "worker.about()\nprint(worker.pid, flush=True)\nos._exit(0)\n"
    )
    paths = os.pathsep.join(part for part in sys.path if part)
    command = [sys.executable, "-c", script, str(tiny), str(tmp_path)]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True, check=True)
    pid, ends = int(done.stdout), time.monotonic() + 5
    while Path(f"/proc/{pid}").exists() and time.monotonic() < ends:
        time.sleep(0.05)
    assert not Path(f"/proc/{pid}/exe").exists() or Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"


def test_an_adapter_changes_the_words_and_leaves_nothing_behind(work, tiny, adapter):
    worker = work(tiny)
    plain = worker.generate(ask())
    adapted = worker.generate(ask(), adapter)
    assert adapted.logprobs != plain.logprobs
    assert worker.generate(ask()).logprobs == plain.logprobs
    assert worker.generate(ask(), adapter).logprobs == adapted.logprobs
    assert work(tiny).generate(ask(), adapter).logprobs == adapted.logprobs


def test_an_adapter_that_does_not_fit_fails_one_question(work, tmp_path, adapter):
    worker = work(write_model(tmp_path / "other.gguf", width=128))
    with pytest.raises(PromptError, match="does not fit"):
        worker.generate(ask(), adapter)
    assert worker.generate(ask()).text


def test_a_model_gets_the_context_and_the_cache_that_it_can_have(work, tmp_path):
    about = work(write_model(tmp_path / "narrow.gguf", width=16, context=512)).about()
    assert (about["context"], about["kv"]) == (512, "f16")  # heads of 16 are no whole blocks of eight bits
    assert 0 < about["threads"] <= (os.cpu_count() or 1)


def test_what_was_measured_is_remembered(work, tiny, tmp_path):
    first = work(tiny).about()
    memory = tmp_path / "cache" / "tuning.json"
    assert f'"threads": {first["threads"]}' in memory.read_text()
    memory.write_text(memory.read_text().replace(f'"kv": "{first["kv"]}"', '"kv": "q8_0"'))
    assert work(tiny).about()["kv"] == "q8_0"
    memory.write_text("no JSON")
    assert work(tiny).about()["kv"] in ("f16", "q8_0")
