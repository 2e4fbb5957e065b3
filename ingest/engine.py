"""QuickJS, compiled to WebAssembly, with its whole state put back before every message.

A message takes four calls into the engine instead of the fourteen of its package's own `eval`, each
of which costs 20 µs, and a fifth of its memory is written back instead of all: what lies below the
stack pointer, a megabyte of stack, is free while nothing runs.

Time is bounded twice, and is processor time: on a busy machine a script waits through no fault of
its own. QuickJS asks whether its time is over as it interprets; but not within one of its own
functions, and `[].indexOf.call({length: 2 ** 53}, 1)` is one. So WebAssembly looks, too: a thread
counts epochs of this process's time, and code that is still running some of them later is cut off.

This stands on what the package does not promise: its shared WebAssembly engine, which must be made
to look at epochs, and that all its instances are made in one place; the instance behind a context
with its store (to bound what its memory may grow to: the package's own limit does not hold for
arrays), its memory, its stack pointer and its calls, and a runtime's handler of interrupts. The
version is locked, and tests/unit/ingest/test_sandbox.py holds it.
"""

import functools
import math
import threading
import time
from collections.abc import Callable
from typing import Any

import quickjs_rs._engine
import quickjs_rs._wasmtime
import wasmtime
from quickjs_rs import Context, InterruptError, Runtime

_ONE_AT_A_TIME = threading.Lock()
_EPOCH = 0.05  # seconds of the process, whose other threads may take as much
_BEGINNING = 60.0  # seconds in which an engine is made, of the package's own code alone
_GRACE = 4  # epochs beyond what QuickJS itself keeps to
_STACK = 128 * 1024  # bytes of JavaScript's stack
_ROOM = 8192  # bytes of a call's text
_DONE = 0  # the engine's word for it


@functools.cache
def _count_epochs() -> None:
    """Have the package's WebAssembly look at epochs, and count them from now on."""
    shared: Any = quickjs_rs._wasmtime  # noqa: SLF001  see above
    package: Any = quickjs_rs._engine  # noqa: SLF001
    config = wasmtime.Config()
    config.epoch_interruption = True
    engine = shared._SHARED_ENGINE = wasmtime.Engine(config)  # noqa: SLF001
    instantiate = package.instantiate_wasm_artifact

    def begin(artifact: Any, store: wasmtime.Store) -> Any:
        store.set_epoch_deadline(_epochs(_BEGINNING))  # else it is over before it begins
        return instantiate(artifact, store)

    def count() -> None:
        counted = time.process_time()
        while True:
            time.sleep(_EPOCH)
            while time.process_time() - counted >= _EPOCH:
                counted += _EPOCH
                engine.increment_epoch()

    package.instantiate_wasm_artifact = begin
    threading.Thread(target=count, name="epochs of scripts", daemon=True).start()


def _epochs(seconds: float) -> int:
    return math.ceil(seconds / _EPOCH) + _GRACE


class Engine:
    """One engine, bounded until it is photographed: then the bounds are those of a message.

    `seconds` of its thread's processor time that a piece of code may take; `memory`: bytes it may
    grow to.
    """

    def __init__(self, *, seconds: float, memory: int) -> None:
        with _ONE_AT_A_TIME:
            _count_epochs()
        self._seconds, self._end = seconds, math.inf
        self._runtime = Runtime(memory_limit=None, stack_limit=_STACK)
        self._runtime._engine_rt.set_interrupt_handler(self._is_over)  # noqa: SLF001  see above
        self._context: Context = self._runtime.new_context()
        self._instance: Any = self._context._engine_ctx._inst  # noqa: SLF001  see above
        self._instance.store.set_limits(memory_size=memory)
        self._room = self._out = self._floor = self._size = 0
        self._image = b""

    @property
    def memory(self) -> int:
        """Bytes that its memory has grown to."""
        return int(self._instance.mem.data_len(self._instance.store))

    @property
    def has_grown(self) -> bool:
        """Whether its memory is larger than what was photographed, so that it is not put back."""
        return self.memory > self._size

    def evaluate(self, code: str) -> Any:
        """Run a piece of code as the package does it; raises the package's errors."""
        return self._bounded(self._context.eval, code)

    def photograph(self, *, seconds: float, memory: int) -> None:
        """This is the state to be put back from now on, before each piece of code.

        `seconds`: what such a piece may take; `memory`: bytes it may take beyond this state's.
        """
        instance = self._instance
        self._seconds = seconds
        self._room = self._bounded(instance.c, "qjs_alloc", _ROOM)
        self._out = self._bounded(instance.c, "qjs_alloc", 4)
        self._floor = instance.sp.value(instance.store)
        self._size = self.memory
        instance.store.set_limits(memory_size=self._size + memory)
        self._image = bytes(instance.mem.read(instance.store, self._floor, self._size))

    def put_back(self) -> None:
        """Make everything as it was when photographed."""
        self._instance.mem.write(self._instance.store, self._image, self._floor)
        self._instance.sp.set_value(self._instance.store, self._floor)

    def call(self, code: str) -> Any:
        """Run a piece of code that returns a text, from the state put back.

        Raises:
            Exception: the package's errors; a trap of WebAssembly.
        """
        self.put_back()
        data = code.encode()
        if len(data) > _ROOM:
            return self.evaluate(code)
        text = self._bounded(self._text_of, data)
        if text is not None:
            return text
        if self._is_over():
            raise InterruptError("interrupted")
        self.put_back()
        return self.evaluate(code)  # it does the same again, and this time says what is wrong

    def _bounded(self, run: Callable[..., Any], *arguments: Any) -> Any:
        """Cut it off where its time is over."""
        self._end = time.thread_time() + self._seconds
        self._instance.store.set_epoch_deadline(_epochs(self._seconds))
        try:
            return run(*arguments)
        except wasmtime.Trap as trap:
            if trap.trap_code is wasmtime.TrapCode.INTERRUPT:
                raise InterruptError("interrupted") from None
            raise

    def _is_over(self) -> bool:
        return time.thread_time() >= self._end

    def _text_of(self, code: bytes) -> str | None:
        """What code returns, if it returns a text; what it leaves behind is put back, not freed."""
        instance = self._instance
        instance.mem.write(instance.store, code, self._room)
        if instance.c("eval_code", self._room, len(code), self._out) != _DONE:
            return None
        if instance.c("get_string", instance.read_i32(self._out)) != _DONE:
            return None
        size = instance.c("qjs_last_len")
        text: str = instance.read(instance.c("qjs_last_ptr"), size).decode()
        return text

    def close(self) -> None:
        self._context.close()
        self._runtime.close()
