"""A vendor's JavaScript, run unchanged where it can reach and harm nothing.

The engine is QuickJS compiled to WebAssembly: no files, no network, no clock but the message's own
time, a bounded memory, a bounded processor time. Once a script is loaded its whole memory is
photographed; before every message the photograph is put back. So nothing that one message leaves
behind, in a global or in a built-in, is there for the next, and a message decodes alike whenever it
is decoded.
"""

import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from quickjs_rs import InterruptError, JSError, MemoryLimitError, QuickJSError

from ingest.engine import Engine
from ingest.prelude import convert_module, explain, list_preludes, wrap_script
from ingest.script import count_lines_before
from sensors._errors import MessageError

# A script of 300,000 characters takes 50 ms and 6 MiB to load on an idle machine.
_LOADING_SECONDS = 1.0
_LOADING_MEMORY = 16 * 1024 * 1024  # bytes
_LARGEST_RESULT = 65_536  # characters of JSON
_DEEPEST = 64  # levels of what a script returns: ours are read by code that calls itself
_LONGEST_WORDS = 300  # characters of what a script throws
_TOO_MUCH_MEMORY = "it used more memory than it may have"
_NO_ROOM_TO_SAY_SO = "Error: null"  # what QuickJS throws where there is none for an error either


_ON_PURPOSE = "Error"  # what a script throws itself says enough
_FRAME = re.compile(
    r"at (?:(?:([\w$.]+)|<\w+>) \()?<input>:([0-9]+)"
)  # in a stack: the script's own text

_Given = TypeVar("_Given")


class Failure(StrEnum):
    ERROR = "error"
    TIMEOUT = "timeout"
    MEMORY = "memory"


class ScriptError(MessageError):
    """A script failed on a message, or cannot be loaded. `failure` says how.

    `thrown`: the message of the error that it threw, without its kind; `function` and `line`: where
    in its text, from 1, if that is known and helps.
    """

    def __init__(
        self,
        failure: Failure,
        template: str,
        /,
        *values: object,
        thrown: str = "",
        function: str = "",
        line: int = 0,
    ) -> None:
        super().__init__(template, *values)
        self.failure = failure
        self.thrown = thrown
        self.function = function
        self.line = line


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """A message's `seconds` of processor time, and `memory` (bytes) beyond its script's."""

    seconds: float = 0.1
    memory: int = 8 * 1024 * 1024


class Sandbox:
    """One script, ready to decode. May be used by several threads, by turns."""

    def __init__(self, script: str, *, bounds: Bounds | None = None) -> None:
        self._script = script
        self._bounds = bounds or Bounds()
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._broken: ScriptError | None = None  # why it cannot be loaded

    def decode(
        self, payload: bytes, *, port: int, millis: int, variables: Mapping[str, Any]
    ) -> Any:
        """What the script's decodeUplink returns: an object with `data`, `warnings`, `errors`.

        Raises:
            ScriptError: it threw, took too long or too much, or cannot be loaded.
        """
        return self._answer(
            f'__territory("{payload.hex()}",{port},{millis},{json.dumps(dict(variables))})'
        )

    def encode(
        self,
        data: Mapping[str, Any],
        *,
        port: int | None,
        millis: int,
        variables: Mapping[str, Any],
    ) -> Any:
        """What the script's encodeDownlink returns: an object with `bytes`, `fPort`, `errors`.

        Raises:
            ScriptError: as of `decode`; or the script encodes nothing.
        """
        words = ",".join(json.dumps(each) for each in (dict(data), port, millis, dict(variables)))
        return self._answer(f"__territory_encode({words})")

    def _answer(self, call: str) -> Any:
        with self._lock:
            try:
                text = self._run(call)
            except ScriptError as error:
                raise self._locate(error) from None
        return _parse_answer(text)

    def load(self) -> None:
        """Load the script now.

        Raises:
            ScriptError: it cannot be loaded.
        """
        with self._lock:
            self._ready()

    def close(self) -> None:
        with self._lock:
            self._discard()

    def _run(self, call: str) -> Any:
        engine = self._ready()
        sound = False
        try:
            result = _run_engine(engine.call, call)
            sound = True
        except ScriptError as error:
            sound = error.failure is Failure.ERROR
            if sound and engine.has_grown and str(error) == _NO_ROOM_TO_SAY_SO:
                raise ScriptError(Failure.MEMORY, _TOO_MUCH_MEMORY) from None
            raise
        finally:
            if not sound or engine.has_grown:
                self._discard()
        return result

    def _ready(self) -> Engine:
        """An engine in which the script is loaded."""
        if self._broken is not None:
            raise self._broken
        if self._engine is None:
            self._engine = self._loaded()
        return self._engine

    def _loaded(self) -> Engine:
        engine = Engine(seconds=_LOADING_SECONDS, memory=_LOADING_MEMORY)
        try:
            for piece in list_preludes(self._script):
                _run_engine(engine.evaluate, piece)
            self._load_script(engine)
            _run_engine(self._photograph, engine)
        except ScriptError as error:
            engine.close()
            script_error = ScriptError(
                error.failure, "the script cannot be loaded: {error}", self._locate(error)
            )
            if error.failure is not Failure.TIMEOUT:
                self._broken = script_error
            raise script_error from None
        return engine

    def _photograph(self, engine: Engine) -> None:
        engine.photograph(seconds=self._bounds.seconds, memory=self._bounds.memory)

    def _load_script(self, engine: Engine) -> None:
        try:
            _run_engine(engine.evaluate, wrap_script(self._script))
        except ScriptError as error:
            if not str(error).startswith("SyntaxError"):
                raise
            plain = convert_module(self._script)
            if plain is None:
                raise
            _run_engine(
                engine.evaluate, wrap_script(plain)
            )  # it did not parse, so nothing of it ran

    def _locate(self, error: ScriptError) -> ScriptError:
        """An error with its place in the script's file, and what to do about it.

        QuickJS knows the line of a call or a word, and for other faults that of the function; of
        what stands in none it then says the first.
        """
        before = count_lines_before(self._script)
        line = error.line - before
        own = bool(error.function or line > 1) and (
            0 < line <= self._script.count("\n") + 1 - before
        )
        function = f"in {error.function}, " if error.function else ""
        place = f" ({function}line {line})" if own else ""
        words = f"{error}{place}{explain(str(error))}"
        return ScriptError(error.failure, words, thrown=error.thrown)

    def _discard(self) -> None:
        if self._engine is not None:
            engine, self._engine = self._engine, None
            engine.close()


def _parse_answer(text: object) -> Any:
    """What a script's answer holds.

    Raises:
        ScriptError: it is too large, too deep, or no JSON (a script may replace what writes that).
    """
    if not isinstance(text, str):
        raise ScriptError(Failure.ERROR, "it returned nothing that is JSON")
    if len(text) > _LARGEST_RESULT:
        raise ScriptError(
            Failure.ERROR, "it returned more than {count} characters", _LARGEST_RESULT
        )
    try:
        answer = json.loads(text)
        _refuse_depth(answer)
    except RecursionError:
        raise ScriptError(Failure.ERROR, "it returned something nested too deeply") from None
    except ValueError as error:
        raise ScriptError(
            Failure.ERROR, "it returned nothing that is JSON: {error}", error
        ) from None
    return answer.get("returned") if isinstance(answer, dict) else None


def _refuse_depth(value: Any) -> None:
    """Raises RecursionError, as the reader of JSON does for what is deeper still."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(_DEEPEST):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return
    raise RecursionError


def _run_engine(run: Callable[[_Given], Any], argument: _Given) -> Any:
    """Have the engine do something.

    Raises:
        ScriptError: whatever went wrong.
    """
    try:
        return run(argument)
    except MemoryLimitError:
        raise ScriptError(Failure.MEMORY, _TOO_MUCH_MEMORY) from None
    except InterruptError:
        raise ScriptError(Failure.TIMEOUT, "it did not come to an end in time") from None
    except JSError as error:
        if "too long" in error.message and error.name == "InternalError":
            raise ScriptError(
                Failure.MEMORY, "it made something too long ({error})", error.message
            ) from None
        words = f"{error.name}: {error.message}"[:_LONGEST_WORDS]
        frame = None if error.name == _ON_PURPOSE else _FRAME.search(error.stack or "")
        function, line = (frame[1] or "", int(frame[2])) if frame else ("", 0)
        raise ScriptError(
            Failure.ERROR, words, thrown=error.message, function=function, line=line
        ) from None
    except QuickJSError as error:
        raise ScriptError(Failure.ERROR, str(error)[:_LONGEST_WORDS]) from None
    except Exception as error:
        # The engine itself broke off: a trap of WebAssembly, or no room for what it hands over.
        reason = _first_line(error)
        if "call stack exhausted" in reason:
            raise ScriptError(Failure.MEMORY, "it called itself without end") from error
        raise ScriptError(Failure.MEMORY, "the engine broke off: {error}", reason) from error


def _first_line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__).strip()[:_LONGEST_WORDS]
