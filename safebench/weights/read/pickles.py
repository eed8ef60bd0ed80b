"""A pickle reader that runs nothing: it builds containers and tensors, and inert stand-ins for all the rest.

No class or function that a file names is ever imported or called.  The few names that stand for a tensor or a
container are rebuilt here; the names that training frameworks are known to leave behind (Lightning's callbacks,
StyleGAN's networks) become `StandIn` objects that only hold what the file said of them; any other name is refused.
Memory stays in proportion to the file: what a file claims is compared with what it holds before anything is built.
"""

from __future__ import annotations

import pickle
import struct
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor

from safebench.weights.read.pickle_names import DTYPES, INERT, STORAGES
from safebench.weights.read.texts import shorten

Refused = pickle.UnpicklingError
"""Raised here for whatever a checkpoint must not hold; the message says what, not in which file."""


@dataclass(frozen=True)
class Name:
    """A class or function that the file names, as text; nothing was imported."""

    full: str


@dataclass(eq=False)
class StandIn:
    """What a file says of an object whose class was not imported; it does nothing."""

    name: str
    args: tuple[Any, ...] = ()
    state: Any = None
    items: list[Any] = field(default_factory=list)
    pairs: dict[Any, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Storage:
    """The numbers that lie in the file under `key`: `data` is one-dimensional and of their type."""

    key: str
    data: Tensor


class Reader(Protocol):
    """What pickle needs of a file; a read never returns more than there is, whatever was asked for."""

    def read(self, n: int = ..., /) -> bytes:
        """At most `n` bytes."""

    def readline(self) -> bytes:
        """The rest of the line."""


Find = Callable[[str, torch.dtype, int], Tensor]
"""(key, type, count) -> the one-dimensional tensor stored under `key`; raises Refused where there is none."""
Embedded = Callable[[bytes], Storage]
"""Reads a storage that is pickled as the bytes of a file (as a StyleGAN file has it)."""
ALLOWANCE = 64_000_000
"""Bytes that what is rebuilt may take beyond the file's own size."""
STEP = 200
"""Bytes that one step of reading is taken to cost; the emptiest set takes as many."""
DIMENSIONS = 64
"""Of a tensor, at most: as many as torch's own loops handle."""


class _Counted:
    """A Reader each of whose reads is paid for: every instruction of pickle's is at least one."""

    def __init__(self, file: Reader, spend: Callable[[int], None]) -> None:
        self._file, self._spend = file, spend

    def read(self, n: int = -1, /) -> bytes:
        """See `Reader`."""
        self._spend(STEP)
        return self._file.read(n)

    def readline(self) -> bytes:
        """See `Reader`."""
        self._spend(STEP)
        return self._file.readline()


class _Instructions(dict[int, Callable[..., None]]):
    """Pickle's instructions by their byte; one that is not among them is refused."""

    def __missing__(self, code: int) -> Callable[..., None]:
        raise Refused(f"it uses an instruction of pickle's that no checkpoint needs ({code})")


class Unpickler(pickle._Unpickler):
    """Pickle's own machine in Python, less the instructions that call into classes.

    `size` is the number of bytes of the file: what is rebuilt may outgrow it by ALLOWANCE and no more.
    """

    read: Callable[[int], bytes]
    stack: list[Any]
    append: Callable[[Any], None]
    pop_mark: Callable[[], list[Any]]

    def __init__(self, file: Reader, find: Find, embedded: Embedded, size: int) -> None:
        super().__init__(_Counted(file, self._spend), encoding="latin1")
        self._find = find
        self._embedded = embedded
        self._size = size
        self._budget = size + ALLOWANCE
        self._rebuild: dict[str, Callable[..., Any]] = {
            "torch._utils._rebuild_tensor": _tensor,
            "torch._utils._rebuild_tensor_v2": _tensor,
            "torch._utils._rebuild_tensor_v3": _tensor_of_type,
            "torch._utils._rebuild_parameter": lambda data, *_: data,
            "torch._utils._rebuild_parameter_with_state": lambda data, *_: data,
            "torch._tensor._rebuild_from_type_v2": lambda function, _type, args, _state: self._call(function, args),
            "torch.storage._load_from_bytes": self._load_bytes,
            "torch.Size": lambda sizes: sizes,
            "collections.OrderedDict": self._dict,
            "builtins.set": self._set,
        }

    def find_class(self, module: str, name: str) -> Name:
        """The name, if a checkpoint may hold it; raises Refused otherwise."""
        full = f"{module.replace('__builtin__', 'builtins')}.{name}"
        known = full in self._rebuild or full in STORAGES or full in DTYPES or full.startswith(INERT)
        if known and "." not in name:  # a dot would reach into a class or a module
            return Name(full)
        raise Refused(f"it names {shorten(full)}, which no checkpoint needs")

    def persistent_load(self, pid: Any) -> Any:
        """The storage that a reference in the file means."""
        if not isinstance(pid, tuple) or not pid or pid[0] not in ("module", "storage"):
            raise Refused("it refers to something that is not a storage")
        kind, *rest = pid
        if kind == "module":
            return rest[0]
        type_, key, _location, count, *view = rest
        if not isinstance(key, str) or not _is_size(count) or any(view):
            raise Refused("it refers to a storage in a way that torch does not write")
        return Storage(key, self._find(key, STORAGES[type_.full], count))

    def _call(self, function: Any, args: Any) -> Any:
        if not isinstance(function, Name) or not isinstance(args, tuple):
            raise Refused("it calls what is not a function")
        rebuild = self._rebuild.get(function.full)
        return rebuild(*args) if rebuild else StandIn(function.full, args)

    def _spend(self, amount: int) -> None:
        self._budget -= amount
        if self._budget < 0:
            raise Refused("it unfolds to more than it holds")

    def _load_bytes(self, data: bytes) -> Storage:
        self._spend(len(data))
        return self._embedded(data)

    def _dict(self, pairs: Iterable[tuple[Any, Any]] = ()) -> dict[Any, Any]:
        pairs = list(pairs)
        self._spend(STEP * len(pairs))
        return {_key(key): value for key, value in pairs}

    def _set(self, items: Any = ()) -> set[Any]:
        self._spend(STEP * len(items))
        return {_key(item) for item in items}

    # -- instructions that pickle carries out by calling into classes, done here on plain data alone --

    def _load_frame(self) -> None:
        """A frame only helps reading; its claim is checked all the same."""
        (length,) = struct.unpack("<Q", self.read(8))
        if length > self._size:
            raise Refused("it claims more than the file holds")

    def _load_reduce(self) -> None:
        args = self.stack.pop()
        self.stack[-1] = self._call(self.stack[-1], args)

    def _load_newobj_ex(self) -> None:
        self.stack.pop()  # keyword arguments, of which a stand-in has no use
        self._load_reduce()

    def _load_build(self) -> None:
        state = self.stack.pop()
        if isinstance(self.stack[-1], StandIn):
            self.stack[-1].state = state
        elif not isinstance(self.stack[-1], dict):  # an OrderedDict's attributes (`_metadata`) are left out
            raise Refused("it sets the state of what has none")

    def _load_append(self) -> None:
        self._extend([self.stack.pop()])

    def _load_appends(self) -> None:
        self._extend(self.pop_mark())

    def _extend(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, set):
            target.update(_key(item) for item in items)
        elif isinstance(target, (list, StandIn)):
            (target.items if isinstance(target, StandIn) else target).extend(items)
        else:
            raise Refused("it appends to what is not a list")

    def _load_setitem(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._update([key, value])

    def _load_setitems(self) -> None:
        self._update(self.pop_mark())

    def _update(self, flat: list[Any]) -> None:
        target = self.stack[-1]
        pairs = target.pairs if isinstance(target, StandIn) else target
        if not isinstance(pairs, dict):
            raise Refused("it sets a key of what is not a dictionary")
        for key, value in zip(flat[::2], flat[1::2], strict=True):
            pairs[_key(key)] = value

    def _load_frozenset(self) -> None:
        self.append(frozenset(_key(item) for item in self.pop_mark()))

    _DATA = (
        "PROTO STOP MARK NONE NEWTRUE NEWFALSE BININT BININT1 BININT2 LONG1 LONG4 BINFLOAT SHORT_BINSTRING "
        "BINSTRING BINUNICODE SHORT_BINUNICODE BINUNICODE8 BINBYTES SHORT_BINBYTES BINBYTES8 EMPTY_TUPLE TUPLE1 TUPLE2 "
        "TUPLE3 TUPLE EMPTY_LIST EMPTY_DICT EMPTY_SET BINGET LONG_BINGET BINPUT LONG_BINPUT MEMOIZE BINPERSID GLOBAL "
        "STACK_GLOBAL POP POP_MARK"
    )
    dispatch: ClassVar[dict[int, Callable[..., None]]] = _Instructions(
        {getattr(pickle, name)[0]: pickle._Unpickler.dispatch[getattr(pickle, name)[0]] for name in _DATA.split()}
    )
    dispatch |= {
        pickle.FRAME[0]: _load_frame,
        pickle.REDUCE[0]: _load_reduce,
        pickle.NEWOBJ[0]: _load_reduce,
        pickle.NEWOBJ_EX[0]: _load_newobj_ex,
        pickle.BUILD[0]: _load_build,
        pickle.APPEND[0]: _load_append,
        pickle.APPENDS[0]: _load_appends,
        pickle.ADDITEMS[0]: _load_appends,
        pickle.SETITEM[0]: _load_setitem,
        pickle.SETITEMS[0]: _load_setitems,
        pickle.FROZENSET[0]: _load_frozenset,
    }


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> Tensor:
    """A view of a storage, once it is sure that the storage holds all that the view would show."""
    if not isinstance(storage, Storage):
        raise Refused("it builds a tensor out of what is not a storage")
    if len(size) != len(stride) or len(size) > DIMENSIONS or not all(map(_is_size, (offset, *size, *stride))):
        raise Refused("it holds a tensor whose size is not made of numbers, or of too many")
    count, last = 1, offset
    for length, step in zip(size, stride, strict=True):
        count *= length
        last += (length - 1) * step
    if count > 0 and max(count, last + 1) > storage.data.numel():
        raise Refused(f"it holds a tensor that claims {shorten(str(count))} numbers where {storage.data.numel()} are")
    return storage.data.as_strided(size, stride, offset) if count else storage.data.new_empty(size)


def _tensor_of_type(storage: Any, offset: Any, size: Any, stride: Any, *rest: Any) -> Tensor:
    _requires_grad, _hooks, type_, *_ = rest
    if not isinstance(storage, Storage) or type_.full not in DTYPES:
        raise Refused("it builds a tensor of an unknown type")
    return _tensor(Storage(storage.key, storage.data.view(DTYPES[type_.full])), offset, size, stride)


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 63


def _key(value: Any) -> Any:
    """A key of a dictionary or a set: flat, so that no nesting can exhaust the stack when it is hashed.

    Numbers beyond 61 bits, and tuples of numbers, are refused: a file could choose them so that all have one hash,
    and a dictionary of them takes quadratic time.
    """
    if isinstance(value, tuple) and len(value) <= DIMENSIONS and all(isinstance(v, (str, Name)) for v in value):
        return value
    if isinstance(value, (str, float, bytes, Name, type(None))):
        return value
    if isinstance(value, int) and abs(value) < sys.hash_info.modulus:
        return value
    raise Refused("it holds a dictionary whose keys are not plain values")
